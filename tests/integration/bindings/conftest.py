"""One agent for each file of this folder: what is tested here leaves no traces but tasks, told apart by context."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from a2a.client import Client

from tests.support.system import Agent, System, system
from tests.support.wire import BINDINGS, sdk_client

shared = pytest_asyncio.fixture(scope="module", loop_scope="module")


@shared
async def crossdock(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with system(tmp_path_factory.mktemp("crossdock")) as made:
        yield made


@shared
async def agent(crossdock: System) -> Agent:
    return await crossdock.agent()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(crossdock: System) -> Agent:
    """An agent of the test's own, for those that wait until it is at work."""
    return await crossdock.agent()


@pytest.fixture
def context() -> str:
    return str(uuid.uuid4())


@pytest.fixture(params=BINDINGS)
def binding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(loop_scope="module")
async def sdk(crossdock: System, agent: Agent, binding: str) -> Client:
    return await sdk_client(crossdock, agent.url, binding)


@pytest_asyncio.fixture(loop_scope="module")
async def blocking(crossdock: System, agent: Agent, binding: str) -> Client:
    return await sdk_client(crossdock, agent.url, binding, streaming=False)
