import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from crossdock.tasks.journal import JournalLimits, TaskJournal
from tests.support.journals import opened
from tests.support.redis_server import RedisServer

KINDS = ["memory", "redis-1", "redis-4", "redis-acl"]


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    asyncio.run(server.start())
    yield server
    server.stop()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["memory", "redis-1"])
def one_queue(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest) -> RedisServer | None:
    server: RedisServer | None = None if kind == "memory" else request.getfixturevalue("redis")
    return server


@pytest.fixture
def limits() -> JournalLimits:
    return JournalLimits(lease=0.3, retention=3600, interrupted=3600)


@pytest.fixture
async def journal(kind: str, store: RedisServer | None, limits: JournalLimits) -> AsyncIterator[TaskJournal]:
    async with opened(kind, store, limits) as made:
        yield made
