"""The system that `make up` started. Without it nothing here is skipped: it fails."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator

import httpx
import pytest

from crossdock.auth.clients import ACCESS, ClientRights
from tests.support.administration import Administration
from tests.support.stack import Stack, inside, stack, started_project


def _running() -> int:
    if shutil.which("docker") is None:
        return 0
    labels = ("--filter", f"label=com.docker.compose.project={started_project()}")
    done = subprocess.run(["docker", "ps", "--quiet", *labels], capture_output=True, text=True, timeout=60)
    return len(done.stdout.split())


@pytest.fixture(scope="session")
def running() -> None:
    if not _running():
        pytest.fail(
            f"The system {started_project()!r} is not up. Start it with `make up`.",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def brief_token(running: None) -> str:
    """Of a client whose tokens live for a second: made before all else, for its test to have less to wait."""

    async def made() -> str:
        rights = ClientRights("test-brief", "acme", ("acme-orchestrator",), (ACCESS,))
        async with stack() as system, inside(system) as network:
            await system.project.well()
            async with Administration(system, network).client(rights, seconds=1) as secret:
                return await system.token(rights.client_id, secret)

    return asyncio.run(made())


@pytest.fixture
async def system(brief_token: str) -> AsyncIterator[Stack]:
    """Healthy before and after each test."""
    async with stack() as found:
        await found.project.well()
        yield found
        await found.project.well()


@pytest.fixture
async def network(system: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with inside(system) as http:
        yield http


@pytest.fixture
async def keycloak(system: Stack, network: httpx.AsyncClient) -> Administration:
    return Administration(system, network)
