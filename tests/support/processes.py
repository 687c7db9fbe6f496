"""Services as processes of their own, configured as services are."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.serving import listen
from tests.support.system import System

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A service in a process of its own. `management` is the URL of its other port, `grpc` the host and the third."""

    process: Process
    url: str
    management: str
    grpc: str
    log: "asyncio.Task[bytes]"

    async def stop(self) -> int:
        """Asks it to stop, and returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def kill(self) -> None:
        """At once, as a crash does."""
        self.process.kill()
        await self.process.wait()


def free_port() -> int:
    """A port that was free a moment ago, and so were those 1000 and 2000 above it."""
    while True:
        with listen() as found, socket.socket() as other, socket.socket() as third:
            port = int(found.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 1000))
                third.bind(("127.0.0.1", port + 2000))
                return port


async def launch(module: str, **settings: object) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
    given = {f"CROSSDOCK_{name.upper()}": str(value) for name, value in settings.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        env={**inherited, **given},
        cwd=ROOT,
        stderr=PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )


@asynccontextmanager
async def running(crossdock: System, module: str, **settings: object) -> AsyncIterator[Running]:
    port = free_port()
    process = await launch(module, port=port, issuer=crossdock.issuer.url, **settings)
    assert process.stderr
    log = asyncio.create_task(process.stderr.read())
    service = Running(
        process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1000}", f"127.0.0.1:{port + 2000}", log
    )
    try:
        await ready(crossdock.http(), service)
        yield service
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ready(http: httpx.AsyncClient, service: Running) -> None:
    async with asyncio.timeout(30):
        while service.process.returncode is None:
            try:
                if (await http.get(f"{service.management}/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise AssertionError((await service.log).decode())
