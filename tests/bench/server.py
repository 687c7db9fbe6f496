"""`python -m tests.bench.server KIND PORT ISSUER COLLECTOR [REDIS [DATABASE STORED]]`: one server process.

KIND is sdk, memory or redis; COLLECTOR is where spans go. Before it serves, so many tasks are STORED.
"""

import asyncio
import os
import sys

if sys.argv[1] != "sdk":  # that one runs as it is shipped, with its own tracing
    os.environ["OTEL_INSTRUMENTATION_A2A_SDK_ENABLED"] = "false"  # before anything imports a2a

import redis
import uvicorn
import uvloop
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from starlette.applications import Starlette

from crossdock.server.service import create_service
from crossdock.server.serving import serve
from crossdock.server.storage import journal_for
from crossdock.settings import ServiceSettings
from crossdock.telemetry.logs import configure_logs
from crossdock.telemetry.tracing import start_tracing
from tests.bench.filling import copy, fill
from tests.bench.work import BenchExecutor, bench_card


def sdk(port: int) -> None:
    handler = DefaultRequestHandler(BenchExecutor(), InMemoryTaskStore(), bench_card(port))
    app = Starlette(routes=create_jsonrpc_routes(handler, "/"))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


async def filled(settings: ServiceSettings, port: int, stored: int) -> None:
    card = bench_card(port)
    journal = journal_for(settings, card.name)
    if settings.redis_nodes and stored:
        host, _, place = settings.redis_nodes.partition(":")
        with redis.Redis(host=host, port=int(place), db=settings.redis_database) as client:
            await copy(journal, stored, client)
    else:
        await fill(journal, stored)
    await serve(create_service(settings, card, BenchExecutor(), agent="bench", journal=journal))


def ours(port: int, issuer: str, collector: str, nodes: str, database: str = "0", stored: str = "0") -> None:
    settings = ServiceSettings.load(
        port=port,
        issuer=issuer,
        otlp_endpoint=collector,
        redis_nodes=nodes,
        redis_database=int(database),
        retention_seconds=86_400.0,
        queued_tasks=1_000_000,
        streams_per_customer=10_000,
        running_tasks=5_000,
    )
    configure_logs("bench-agent", level="INFO", readable=False)
    start_tracing("bench-agent", settings.otlp_endpoint)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(filled(settings, port, int(stored)))


if __name__ == "__main__":
    kind, port, issuer, collector, *options = sys.argv[1:]
    if kind == "sdk":
        sdk(int(port))
    else:
        ours(int(port), issuer, collector, *(options or [""]))
