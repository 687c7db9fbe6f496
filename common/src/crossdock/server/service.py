"""A card, a pipeline or an executor, and settings become one service: its two ASGI apps and their lifetime."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from a2a.server.agent_execution import AgentExecutor
from a2a.server.routes import create_jsonrpc_routes, create_rest_routes
from a2a.types import AgentCard
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.auth.jwks import KeySet
from crossdock.auth.middleware import AuthenticationMiddleware
from crossdock.auth.verifier import TokenVerifier
from crossdock.cards.building import CARD_PATHS
from crossdock.compute import ComputePool
from crossdock.extensions import LIMITS, PROGRESS, SKILL, declare
from crossdock.pipeline import AgenticPipeline
from crossdock.server.admission import Admission
from crossdock.server.call import CallContextBuilder, CallMiddleware
from crossdock.server.card_routes import card_routes
from crossdock.server.executor import PipelineExecutor
from crossdock.server.faults import register_errors
from crossdock.server.fetching import FileFetcher
from crossdock.server.handler import JournalRequestHandler
from crossdock.server.limits import BodyLimitMiddleware
from crossdock.server.management import Check, management_app
from crossdock.settings import ServiceSettings
from crossdock.tasks.engine import EngineLimits, TaskEngine
from crossdock.tasks.journal import TaskJournal
from crossdock.tasks.memory import MemoryJournal
from crossdock.telemetry.metrics import Metrics
from crossdock.telemetry.tasks import TaskTelemetry
from crossdock.telemetry.tracing import TracingMiddleware

Start = Callable[[], Awaitable[None]]


@dataclass
class Service:
    """The ASGI app of the service port; `management` is that of the other. `drain` ends all work before a stop."""

    app: ASGIApp
    management: Starlette
    engine: TaskEngine
    settings: ServiceSettings
    metrics: Metrics
    drained: bool = field(default=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def drain(self) -> None:
        """Idempotent: signals and the end of the lifespan both come here."""
        if not self.drained:
            self.drained = True
            await self.engine.drain(self.settings.drain_seconds)


def create_service(
    settings: ServiceSettings,
    card: AgentCard,
    work: AgenticPipeline | AgentExecutor,
    *,
    agent: str,
    journal: TaskJournal | None = None,
    http: httpx.AsyncClient | None = None,
    metrics: Metrics | None = None,
    customer: str | None = None,
    checks: dict[str, Check] | None = None,
    closing: Sequence[Start] = (),
) -> Service:
    """Wires one service.

    `agent` is its id in skill rights; `customer`, where set, the only one that it answers. `http` reaches the issuer;
    one that is made here is closed here. `checks` join the readiness; `closing` runs at the end of the lifespan.
    """
    register_errors()
    journal = journal or MemoryJournal(retention=settings.retention_seconds)
    metrics = metrics or Metrics(card.name)
    own_http = None if http else httpx.AsyncClient(timeout=10.0)
    keys = KeySet(http or own_http or httpx.AsyncClient(), settings.issuer, ttl=settings.jwks_ttl)
    verifier = TokenVerifier(settings.issuer, card.name, keys, customer=customer)
    for uri in (SKILL, PROGRESS):
        declare(card, uri)
    admission = Admission(agent, card, settings.max_hops)
    pool = ComputePool(limit=settings.compute_processes, preload=_preload(work))
    fetcher = FileFetcher(limit=settings.max_file, allow_private=settings.allow_private_urls)
    executor = (
        PipelineExecutor(work, pool, fetcher, admission, max_file=settings.max_file)
        if isinstance(work, AgenticPipeline)
        else work
    )
    engine = TaskEngine(executor, journal, TaskTelemetry(metrics), _engine_limits(settings))
    handler = JournalRequestHandler(
        engine,
        journal,
        admission,
        metrics,
        extended_card=_extended(card, settings),
        streams_per_customer=settings.streams_per_customer,
    )

    async def accepting() -> bool:
        return engine.accepting

    async def issuer() -> bool:
        await keys.ready()
        return True

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if _preload(work):
            await pool.start()
        yield
        await service.drain()
        pool.close()
        await fetcher.close()
        for close in (keys.close, *closing, *([own_http.aclose] if own_http else [])):
            await close()

    def rejected(reason: str) -> None:
        metrics.rejections.labels(metrics.agent, reason).inc()

    app = Starlette(
        routes=[*card_routes(card), *_a2a_routes(handler)],
        lifespan=lifespan,
        middleware=[
            Middleware(TracingMiddleware),
            Middleware(AuthenticationMiddleware, verifier=verifier, public_paths=CARD_PATHS, on_rejection=rejected),
            Middleware(BodyLimitMiddleware, limit=settings.max_body),
            Middleware(CallMiddleware),
        ],
    )
    ready = {"accepting": accepting, "issuer": issuer, **(checks or {})}
    service = Service(app, management_app(metrics.registry, ready), engine, settings, metrics)
    return service


def _a2a_routes(handler: JournalRequestHandler) -> list[BaseRoute]:
    builder = CallContextBuilder()
    routes: list[BaseRoute] = []
    for path in ("/", "/rpc"):
        routes += create_jsonrpc_routes(handler, path, builder, enable_v0_3_compat=True)
    # The REST routes end with a mount that catches every path as a tenant's: they come last.
    return [*routes, *create_rest_routes(handler, builder, enable_v0_3_compat=True)]


def _preload(work: AgenticPipeline | AgentExecutor) -> Sequence[str]:
    return work.warm_up() if isinstance(work, AgenticPipeline) else ()


def _extended(card: AgentCard, settings: ServiceSettings) -> AgentCard:
    """The card for authenticated callers: the public one and the limits that hold for them."""
    extended = AgentCard()
    extended.CopyFrom(card)
    limits = {
        "maxRequestBytes": settings.max_body,
        "maxFileBytes": settings.max_file,
        "taskSeconds": settings.task_seconds,
        "interruptedSeconds": settings.interrupted_seconds,
        "retentionSeconds": settings.retention_seconds,
        "streamsPerCustomer": settings.streams_per_customer,
    }
    declare(extended, LIMITS, limits)
    return extended


def _engine_limits(settings: ServiceSettings) -> EngineLimits:
    return EngineLimits(
        task_seconds=settings.task_seconds,
        interrupted_seconds=settings.interrupted_seconds,
        stream_idle_seconds=settings.stream_idle_seconds,
        running=settings.running_tasks,
        queued=settings.queued_tasks,
    )
