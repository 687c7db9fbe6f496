"""The conformance agent inside the test's process, behind the product's own token check, on each journal."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from crossdock.tasks.journal import TaskJournal
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.conformance_door import REST_PATH
from tests.support.conformance_service import AGENT, SKILL, conformance_card, conformance_server
from tests.support.operations import Caller, RestCaller, RpcCaller
from tests.support.redis_server import RedisServer
from tests.support.serving import listen, url_of
from tests.support.system import PuppetSettings, System, system
from tests.support.wire import HTTP_JSON, JSONRPC

shared = pytest_asyncio.fixture(scope="module", loop_scope="module")
Serve = Callable[..., Awaitable[str]]
Join = Callable[..., Awaitable[Caller]]


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    asyncio.run(server.start())
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[JSONRPC, HTTP_JSON])
def binding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@shared
async def crossdock(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with system(tmp_path_factory.mktemp("crossdock"), agents={AGENT: [SKILL]}) as made:
        yield made


@shared
async def serve_agent(crossdock: System) -> Serve:
    """Serves an agent; what is given is that of its card."""

    async def serve(journal: TaskJournal | None = None, **card: Any) -> str:
        bound = listen()
        place: dict[str, Any] = {
            "grpc": False,
            "push_notifications": False,
            "public_url": url_of(bound),
            "issuer": crossdock.issuer.url,
        }
        settings = PuppetSettings(**place)
        made = conformance_card(settings.url, settings.issuer, **card)
        service = conformance_server(settings, made, crossdock.http(), journal=journal or MemoryJournal())
        return await crossdock.serve(service, bound)

    return serve


@pytest.fixture(scope="module")
def journal(kind: str, request: pytest.FixtureRequest) -> Callable[[], TaskJournal]:
    if kind == "memory":
        return MemoryJournal
    server: RedisServer = request.getfixturevalue("redis")
    return lambda: RedisJournal(f"obligations-{uuid.uuid4().hex[:8]}", server.address)


@shared
async def agent_url(serve_agent: Serve, journal: Callable[[], TaskJournal]) -> str:
    return await serve_agent(journal())


@shared
async def join(crossdock: System, agent_url: str) -> Join:
    """A client of the agent; one for each binding, customer and agent is enough, as clients are slow to make."""
    http = crossdock.http()
    known: dict[str, dict[str, str]] = {}

    async def made(binding: str, client_id: str = "acme-orchestrator", url: str = "") -> Caller:
        if client_id not in known:
            known[client_id] = await crossdock.headers(client_id)
        kind, path = (RpcCaller, "") if binding == JSONRPC else (RestCaller, REST_PATH)
        return kind(http, (url or agent_url) + path, known[client_id])

    return made


@pytest_asyncio.fixture(loop_scope="module")
async def caller(join: Join, binding: str) -> Caller:
    return await join(binding)


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(join: Join, binding: str) -> Caller:
    """Another customer's."""
    return await join(binding, "globex-orchestrator")


@pytest_asyncio.fixture(loop_scope="module")
async def other(join: Join, binding: str) -> Caller:
    """The same customer's client on the other binding."""
    return await join(HTTP_JSON if binding == JSONRPC else JSONRPC)


@shared
async def bare_url(serve_agent: Serve, journal: Callable[[], TaskJournal]) -> str:
    return await serve_agent(journal(), capabilities=False)


@pytest_asyncio.fixture(loop_scope="module")
async def bare(join: Join, bare_url: str, binding: str) -> Caller:
    """A client of an agent without optional capabilities."""
    return await join(binding, url=bare_url)


@pytest.fixture(scope="module")
def required() -> str:
    return "urn:example:required"


@shared
async def demanding_url(serve_agent: Serve, required: str) -> str:
    return await serve_agent(required=[required])


@pytest_asyncio.fixture(loop_scope="module")
async def demanding(join: Join, demanding_url: str, binding: str) -> Caller:
    """A client of an agent that requires an extension."""
    return await join(binding, url=demanding_url)


@pytest_asyncio.fixture(loop_scope="module")
async def rpc_caller(join: Join) -> Caller:
    return await join(JSONRPC)


@pytest_asyncio.fixture(loop_scope="module")
async def rest_caller(join: Join) -> Caller:
    return await join(HTTP_JSON)


@pytest.fixture
def context() -> str:
    return str(uuid.uuid4())
