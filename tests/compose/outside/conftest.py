"""The system that `make up` started. Without it nothing here is skipped: it fails."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support import administration, third_customer
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
    third_customer.forget()
    if not _running():
        pytest.fail(
            f"The system {started_project()!r} is not up. Start it with `make up`.",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def brief_token(running: None) -> str:
    """Of a client whose tokens live for a second: made before all else, for its test to have less to wait."""

    async def made() -> str:
        async with stack() as system:
            await system.project.well()
            return await administration.brief_token(system)

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
async def keycloak(system: Stack) -> AsyncIterator[Administration]:
    async with administration.administration(system) as found:
        yield found
