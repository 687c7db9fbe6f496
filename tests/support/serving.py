"""Real servers for tests: a socket on a free port of the loopback, and uvicorn on it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp

from crossdock.server.serving import Server, configured


def listen() -> socket.socket:
    """A bound socket, so that a service can know its URL before it serves."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as the services do
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    return bound


def url_of(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


def free_port() -> int:
    """A port that was free a moment ago."""
    with listen() as found:
        return int(found.getsockname()[1])


@asynccontextmanager
async def serve(
    app: ASGIApp, bound: socket.socket | None = None, certificate: Path | None = None
) -> AsyncIterator[str]:
    """Serves `app` with its lifespan; yields its URL. `certificate` has its key beside it, and stands for TLS."""
    bound = bound or listen()
    config = configured(app, "127.0.0.1", bound.getsockname()[1])
    if certificate:
        config.ssl_certfile, config.ssl_keyfile = str(certificate), str(certificate.with_suffix(".key"))
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        async with asyncio.timeout(20):
            while not server.started:
                if serving.done():
                    serving.result()
                    raise RuntimeError("the server did not start")
                await asyncio.sleep(0.005)
        yield url_of(bound).replace("http:", "https:") if certificate else url_of(bound)
    finally:
        server.should_exit = True
        await serving
