"""`python -m tests.bench.server KIND PORT ISSUER [REDIS]`: one server process; KIND is sdk, memory or redis."""

import asyncio
import os
import sys

if sys.argv[1] != "sdk":  # that one runs as it is shipped, with its own tracing
    os.environ["OTEL_INSTRUMENTATION_A2A_SDK_ENABLED"] = "false"  # before anything imports a2a

import uvicorn
import uvloop
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from starlette.applications import Starlette

from crossdock.server.service import create_service
from crossdock.server.serving import serve
from crossdock.settings import ServiceSettings
from crossdock.telemetry.logs import configure_logs
from crossdock.telemetry.tracing import start_tracing
from tests.bench.work import BenchExecutor, bench_card


def sdk(port: int) -> None:
    handler = DefaultRequestHandler(BenchExecutor(), InMemoryTaskStore(), bench_card(port))
    app = Starlette(routes=create_jsonrpc_routes(handler, "/"))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def ours(port: int, issuer: str, redis: str) -> None:
    settings = ServiceSettings.load(
        port=port,
        issuer=issuer,
        redis_nodes=redis,
        queued_tasks=1_000_000,
        streams_per_customer=10_000,
        running_tasks=5_000,
    )
    configure_logs("bench-agent", level="INFO", readable=False)
    start_tracing("bench-agent", "")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(create_service(settings, bench_card(port), BenchExecutor(), agent="bench")))


if __name__ == "__main__":
    kind, port, issuer, *redis = sys.argv[1:]
    if kind == "sdk":
        sdk(int(port))
    else:
        ours(int(port), issuer, redis[0] if redis else "")
