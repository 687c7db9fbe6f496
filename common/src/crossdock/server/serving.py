"""One process, its ports, a clean end."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import structlog
import uvicorn
from opentelemetry.sdk.trace import TracerProvider
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.errors import ConfigError, TryLater
from crossdock.server.connections import Connection
from crossdock.server.loop import Loop
from crossdock.server.ports import bound
from crossdock.settings import ProcessSettings
from crossdock.telemetry.logs import configure_logs
from crossdock.telemetry.tracing import start_tracing

log = structlog.get_logger(__name__)
S = TypeVar("S", bound=ProcessSettings)


class Servable(Protocol):
    """An ASGI app for the service port, another for health and metrics, and what belongs to a clean end."""

    @property
    def settings(self) -> ProcessSettings: ...

    @property
    def management(self) -> ASGIApp: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def knows(self, listening: Callable[[], bool]) -> None:
        """How it can tell whether the service port answers: the other one may be up first."""
        ...

    def bind(self) -> None:
        """Takes the ports that it has besides those two. Raises `ConfigError`."""
        ...

    async def drain(self) -> None:
        """Ends all work before a stop."""
        ...


class Server(uvicorn.Server):
    """Leaves signals to us: tasks end, and their streams with them, before connections are closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def configured(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


async def serve(service: Servable) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises `ConfigError` for ports that cannot be had."""
    settings = service.settings
    sockets = [bound(settings.host, settings.port), bound(settings.host, settings.management_port)]
    service.bind()
    main = Server(configured(service, settings.host, settings.port))
    management = Server(configured(service.management, settings.host, settings.management_port))
    service.knows(lambda: main.started)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _spare_the_collector()
    servers = [asyncio.create_task(main.serve([sockets[0]])), asyncio.create_task(management.serve([sockets[1]]))]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*servers, stopping], return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    await service.drain()
    main.should_exit = management.should_exit = True
    stopping.cancel()
    await asyncio.gather(*servers)


def _spare_the_collector() -> None:
    """What is there at the start stays, and requests leave few cycles behind: it looks less often, and at less."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def run(settings: type[S], create_app: Callable[[S], Servable], name: str) -> None:
    """The body of every service's `__main__`: exit status 2 for settings that do not fit, 3 for a failed start."""
    try:
        loaded = settings.load()
        provider = _telemetry(loaded, name)
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(serve(create_app(loaded)))
        if provider:
            provider.shutdown()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the operator's terminal
        sys.exit(2)
    except TryLater as error:
        print(f"It cannot start yet. {error}", file=sys.stderr)  # noqa: T201
        sys.exit(3)
    except KeyboardInterrupt:
        pass


def _telemetry(settings: ProcessSettings, name: str) -> TracerProvider | None:
    configure_logs(name, level=settings.log_level, readable=settings.log_readable)
    return start_tracing(name, settings.otlp_endpoint, settings.trace_ratio)
