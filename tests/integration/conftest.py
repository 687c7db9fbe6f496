from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer
from tests.support.system import System, system


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with system(tmp_path) as made:
        yield made


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    await server.start()
    yield server
    server.stop()
