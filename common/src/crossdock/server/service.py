"""A card, a pipeline or an executor, and settings become one service: its two ASGI apps and their lifetime."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import structlog
from a2a.server.agent_execution import AgentExecutor
from a2a.types import AgentCard
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.auth.bearer import BearerCheck
from crossdock.auth.middleware import AuthenticationMiddleware
from crossdock.auth.service_keys import JWKS_PATH, ServiceKeys
from crossdock.auth.verifier import TokenVerifier
from crossdock.cards.building import CARD_PATHS, RPC_PATHS, offer_grpc
from crossdock.cards.signing import signed
from crossdock.compute import ComputePool
from crossdock.extensions import EVENT_NUMBER, IDEMPOTENCY, KEY_HEADER, LIMITS, PROGRESS, RESUMABLE, SKILL, declare
from crossdock.pipeline import AgenticPipeline
from crossdock.server.admission import Admission, PassedOn, nothing
from crossdock.server.card_routes import card_routes
from crossdock.server.door import Door
from crossdock.server.executor import PipelineExecutor
from crossdock.server.fetching import FileFetcher
from crossdock.server.grpc_binding import GrpcBinding
from crossdock.server.grpc_door import AuthenticationInterceptor
from crossdock.server.grpc_server import PUBLIC_METHODS, GrpcServer
from crossdock.server.handler import JournalRequestHandler
from crossdock.server.jsonrpc import JsonRpc
from crossdock.server.key_routes import key_routes
from crossdock.server.limits import BodyMiddleware
from crossdock.server.management import Check, management_app
from crossdock.server.notifications import Notifications
from crossdock.server.public_path import PublicPathMiddleware
from crossdock.server.rate_gate import RateGate
from crossdock.server.rest import rest_routes
from crossdock.server.site import Site
from crossdock.server.storage import journal_for
from crossdock.settings import ServiceSettings
from crossdock.tasks.engine import EngineLimits, TaskEngine
from crossdock.tasks.events import copied
from crossdock.tasks.journal import TaskJournal
from crossdock.tasks.rates import Rate
from crossdock.tasks.resumption import Resumptions
from crossdock.tasks.stopping import ended
from crossdock.telemetry.backlog import Backlog
from crossdock.telemetry.metrics import Metrics
from crossdock.telemetry.tasks import TaskTelemetry
from crossdock.telemetry.tracing import TracingMiddleware

log = structlog.get_logger(__name__)
Action = Callable[[], Awaitable[None]]
Lifespan = AbstractAsyncContextManager[None]
STOP_SECONDS = 5.0
"""How long calls may take to end after the drain, which has ended their work."""


@dataclass
class Service:
    """The ASGI app of the service port; `management` is that of the other, and gRPC has a port of its own.

    `drain` ends all work before a stop. The apps' lifespan is gRPC's too.
    """

    app: ASGIApp
    management: Starlette
    engine: TaskEngine
    settings: ServiceSettings
    metrics: Metrics
    grpc: GrpcServer | None = None
    listening: Callable[[], bool] = lambda: True
    drained: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def knows(self, listening: Callable[[], bool]) -> None:
        self.listening = listening

    def bind(self) -> None:
        if self.grpc:
            self.grpc.bind()

    async def drain(self) -> None:
        """Idempotent: signals and the end of the lifespan both come here."""
        if not self.drained:
            self.drained = True
            if self.grpc:
                await self.grpc.leave()
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
    checks: Mapping[str, Check] | None = None,
    degraded: Callable[[], Sequence[str]] = tuple,
    passed_on: PassedOn = nothing,
    background: Sequence[Action] = (),
    closing: Sequence[Action] = (),
    direct_messages: bool = False,
) -> Service:
    """Wires one service.

    `agent` is its id in skill rights; `customer`, where set, the only one that it answers. `http` reaches the issuer;
    one that is made here is closed here. `checks` join the readiness, `degraded` names there what is away without
    making it fail; `passed_on` is that of `Admission`; `background` runs for as long as the service, `closing` at its
    end. With `direct_messages` the agent may answer with a lone message, of which no task is kept.
    """
    journal = journal or journal_for(settings, card.name)
    resumption = Resumptions(settings.resumable)
    _declare(card, settings, resumption if journal.durable else None)
    metrics = metrics or Metrics(card.name)
    keys = _keys(settings)
    push = Notifications.of(settings, card, journal, metrics, keys) if keys and settings.push_notifications else None
    door = Door(settings, http)
    verifier = door.verifier(card.name, customer)
    admission = Admission(agent, card, settings.max_hops, passed_on, push.configs if push else None)
    worker = _worker(settings, work, admission)
    tasks, limits = TaskTelemetry(metrics), _engine_limits(settings)
    engine = TaskEngine(worker.executor, journal, tasks, limits, resumption, direct_messages=direct_messages)
    handler = _handler(settings, card, engine, journal, admission, metrics)

    async def accepting() -> bool:
        return engine.accepting and service.listening()

    ready = {"accepting": accepting, "tasks": journal.ready, "issuer": door.ready, **(checks or {})}
    gate = _gate(settings, journal, metrics)
    app = _app(settings, card, handler, verifier, metrics, keys, gate)
    grpc = _grpc(settings, card, handler, verifier, metrics, gate) if settings.grpc else None
    metrics.store_full.labels(card.name).set_function(lambda: float(journal.full))
    management = management_app(metrics.registry, ready, lambda: [*(["tasks"] if journal.full else []), *degraded()])
    service = Service(app, management, engine, settings, metrics, grpc)
    pushing, ceasing = ([push.run], [push.close]) if push else ([], [])
    background = [*background, Backlog(engine, journal, metrics).watch, *pushing]
    app.router.lifespan_context = _lifespan(service, worker, background, [*closing, *ceasing, door.close])
    return service


def _declare(card: AgentCard, settings: ServiceSettings, resumption: Resumptions | None) -> None:
    """Without `resumption` no task outlives its process."""
    for uri in (SKILL, PROGRESS):
        declare(card, uri)
    if settings.grpc:
        offer_grpc(card, settings.public_grpc)
        declare(card, EVENT_NUMBER)
    declare(card, IDEMPOTENCY, {"header": KEY_HEADER, "seconds": settings.idempotency_seconds})
    if resumption is not None:
        declare(card, RESUMABLE, {skill.id: str(resumption.of(skill.id)) for skill in card.skills})


def _keys(settings: ServiceSettings) -> ServiceKeys | None:
    """For notifications, and for the card where they are the same on each replica. Raises `ConfigError`."""
    if settings.signing_key_file is not None:
        return ServiceKeys.read(settings.signing_key_file)
    return ServiceKeys.made() if settings.push_notifications else None


@dataclass(frozen=True)
class Worker:
    """What executes tasks, and what it needs open meanwhile. An SDK executor needs nothing."""

    executor: AgentExecutor
    pool: ComputePool | None = None
    fetcher: FileFetcher | None = None
    warm: bool = False

    async def start(self) -> None:
        if self.pool and self.warm:
            await self.pool.start()

    async def close(self) -> None:
        if self.pool:
            self.pool.close()
        if self.fetcher:
            await self.fetcher.close()


def _worker(settings: ServiceSettings, work: AgenticPipeline | AgentExecutor, admission: Admission) -> Worker:
    if isinstance(work, AgentExecutor):
        return Worker(work)
    modules = work.warm_up()
    pool = ComputePool(limit=settings.compute_processes, preload=modules)
    fetcher = FileFetcher(limit=settings.max_file, allow_private=settings.allow_private_urls)
    executor = PipelineExecutor(work, pool, fetcher, admission, max_file=settings.max_file)
    return Worker(executor, pool, fetcher, warm=bool(modules))


def _lifespan(
    service: Service, worker: Worker, background: Sequence[Action], closing: Sequence[Action]
) -> Callable[[Starlette], Lifespan]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in reversed(closing):
                stack.push_async_callback(close)
            stack.push_async_callback(worker.close)
            await worker.start()
            stack.push_async_callback(service.engine.close)
            await service.engine.start()
            if service.grpc:
                stack.push_async_callback(service.grpc.stop, STOP_SECONDS)
                await service.grpc.start()
            running = [asyncio.create_task(_watched(action)) for action in background]
            stack.push_async_callback(ended, *running)
            stack.push_async_callback(service.drain)
            yield

    return lifespan


async def _watched(action: Action) -> None:
    """Background work that fails is seen in the log, not only missed."""
    try:
        await action()
    except Exception as error:
        log.error("background_work_failed", exc_info=error)
        raise


def _handler(
    settings: ServiceSettings,
    card: AgentCard,
    engine: TaskEngine,
    journal: TaskJournal,
    admission: Admission,
    metrics: Metrics,
) -> JournalRequestHandler:
    extended, streams = _extended(card, settings), settings.streams_per_customer
    return JournalRequestHandler(
        engine, journal, admission, metrics, extended_card=extended, streams_per_customer=streams
    )


def _gate(settings: ServiceSettings, journal: TaskJournal, metrics: Metrics) -> RateGate | None:
    """Without a limit there is none to pass."""
    if not settings.requests_per_minute:
        return None
    return RateGate(journal.rates, Rate(settings.requests_per_minute, settings.request_burst), metrics)


def _app(
    settings: ServiceSettings,
    card: AgentCard,
    handler: JournalRequestHandler,
    verifier: TokenVerifier,
    metrics: Metrics,
    keys: ServiceKeys | None,
    gate: RateGate | None,
) -> Starlette:
    public = (*CARD_PATHS, *([JWKS_PATH] if keys else []))
    prefix = urlsplit(settings.url).path
    extensions = _extensions(card)
    rpc = JsonRpc(handler, extensions, gate)

    def door(app: ASGIApp) -> ASGIApp:
        bounded = BodyMiddleware(app, limit=settings.max_body, seconds=settings.body_seconds)
        checked = TracingMiddleware(AuthenticationMiddleware(bounded, verifier, public, metrics.rejected))
        return PublicPathMiddleware(checked, prefix=prefix) if prefix else checked

    # Signed with a key of this process alone, each replica's card would be another one.
    published = signed(card, keys.signing, settings.url + JWKS_PATH) if keys and keys.lasting else card
    own = [*card_routes(published), *(key_routes(keys) if keys else [])]
    posts = [Route(path, rpc, methods=["POST"]) for path in RPC_PATHS]
    return Site(door, posts, [*own, *posts, *rest_routes(handler, extensions, gate)])


def _grpc(
    settings: ServiceSettings,
    card: AgentCard,
    handler: JournalRequestHandler,
    verifier: TokenVerifier,
    metrics: Metrics,
    gate: RateGate | None,
) -> GrpcServer:
    door = AuthenticationInterceptor(BearerCheck(verifier, metrics.rejected), PUBLIC_METHODS)
    binding = GrpcBinding(handler, _extensions(card), settings.max_body, gate)
    return GrpcServer(
        settings.host, settings.grpc_listener, binding, door, settings.max_body, reflects=settings.grpc_reflection
    )


def _extensions(card: AgentCard) -> list[str]:
    return [extension.uri for extension in card.capabilities.extensions]


def _extended(card: AgentCard, settings: ServiceSettings) -> AgentCard:
    """The card for authenticated callers: the public one and the limits that hold for them."""
    extended = copied(card)
    limits = {
        "maxRequestBytes": settings.max_body,
        "maxFileBytes": settings.max_file,
        "taskSeconds": settings.task_seconds,
        "interruptedSeconds": settings.interrupted_seconds,
        "retentionSeconds": settings.retention_seconds,
        "streamsPerCustomer": settings.streams_per_customer,
    }
    if settings.requests_per_minute:
        limits |= {"requestsPerMinute": settings.requests_per_minute, "requestBurst": settings.request_burst}
    declare(extended, LIMITS, limits)
    return extended


def _engine_limits(settings: ServiceSettings) -> EngineLimits:
    return EngineLimits(
        task_seconds=settings.task_seconds,
        stream_idle_seconds=settings.stream_idle_seconds,
        running=settings.running_tasks,
        works=settings.role != "api",
    )
