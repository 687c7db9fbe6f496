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
from tests.support.grpc_channels import channel
from tests.support.grpc_operations import GrpcCaller
from tests.support.operations import Caller, RestCaller, RpcCaller
from tests.support.redis_server import RedisServer
from tests.support.serving import free_port, listen, url_of
from tests.support.system import PuppetSettings, System, system
from tests.support.wire import BINDINGS, GRPC, HTTP_JSON, JSONRPC, card_at

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


@pytest.fixture(params=BINDINGS)
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
            "grpc_port": free_port(),
            "push_notifications": card.get("capabilities", True),
            "push_private_urls": True,
            "push_plain_http": True,
            "public_url": url_of(bound),
            "issuer": crossdock.issuer.url,
        }
        settings = PuppetSettings(**place)
        made = conformance_card(settings.url, settings.issuer, grpc=settings.public_grpc, **card)
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
    channels: dict[str, Any] = {}

    async def open_channel(url: str) -> Any:
        card = await card_at(http, url)
        address, _ = [item.url for item in card.supported_interfaces if item.protocol_binding == GRPC]  # 1.0's, 0.3's
        return channel(crossdock, address)

    async def made(binding: str, client_id: str = "acme-orchestrator", url: str = "") -> Caller:
        if client_id not in known:
            known[client_id] = await crossdock.headers(client_id)
        place = url or agent_url
        if binding == GRPC:
            if place not in channels:
                channels[place] = await open_channel(place)
            return GrpcCaller(channels[place], known[client_id])
        kind, path = (RpcCaller, "") if binding == JSONRPC else (RestCaller, REST_PATH)
        return kind(http, place + path, known[client_id])

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
    """The same customer's client on the next binding."""
    return await join(BINDINGS[(BINDINGS.index(binding) + 1) % len(BINDINGS)])


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
async def rpc_caller(join: Join) -> RpcCaller:
    caller = await join(JSONRPC)
    assert isinstance(caller, RpcCaller)
    return caller


@pytest_asyncio.fixture(loop_scope="module")
async def rest_caller(join: Join) -> RestCaller:
    caller = await join(HTTP_JSON)
    assert isinstance(caller, RestCaller)
    return caller


@pytest_asyncio.fixture(loop_scope="module")
async def grpc_caller(join: Join) -> GrpcCaller:
    caller = await join(GRPC)
    assert isinstance(caller, GrpcCaller)
    return caller


@pytest.fixture
def context() -> str:
    return str(uuid.uuid4())
