"""A third customer comes and goes while the other two are served."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from installer.compose import CUSTOMERS
from tests.support.load import load
from tests.support.stack import ROOT, TOKENS, Stack, bearing

NAME = "vandelay"
LIMIT = 60.0


@pytest.fixture
def described() -> Iterator[Path]:
    """The customer's one file, in words of acme's."""
    path = ROOT / CUSTOMERS / f"{NAME}.yaml"
    assert not path.exists(), f"{path} is no test's: take it away, or give the test another name"
    path.write_text((ROOT / CUSTOMERS / "acme.yaml").read_text().replace("name: acme\n", f"name: {NAME}\n"))
    try:
        yield path
    finally:
        path.unlink()


async def make(target: str) -> str:
    """As the operator types it."""
    process = await asyncio.create_subprocess_exec(
        *("make", "--no-print-directory", target, f"NAME={NAME}"),
        cwd=ROOT,
        env=dict(os.environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(150):
        said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return said


@pytest.mark.timeout(300)
async def test_a_third_customer_comes_and_goes_while_the_others_are_served(system: Stack, described: Path) -> None:
    before = await shared(system)
    try:
        async with load(system) as going:
            await going.more()
            began = time.monotonic()
            said = await make("customer")
            took = time.monotonic() - began
            token = await system.token(f"{NAME}-caller")
            await served(system, token)
            await going.more()
            print(f"\n{said.strip().splitlines()[-1]} With make: {took:.1f} s.")
            again = await make("customer")
            assert "is served" in again
            await make("customer-remove")
            await going.more()
    finally:
        if NAME in {each.name for each in system.place.customers()}:
            await make("customer-remove")
    assert (going.failed, took < LIMIT) == ([], True)
    assert await shared(system) == before
    await gone(system, token)


async def shared(system: Stack) -> dict[str, str]:
    """All containers, and since when they run."""
    return {each.id: each.started for each in await system.project.containers()}


async def served(system: Stack, token: str) -> None:
    for name in (NAME, "orchestrator"):
        answer = await system.http().get(f"{system.path(name)}/tasks", headers=bearing(token))
        assert (answer.status_code, answer.json()["totalSize"]) == (httpx.codes.OK, 0), answer.text
    for name in ("acme", "anomaly"):
        answer = await system.http().get(f"{system.path(name)}/tasks", headers=bearing(token))
        assert answer.status_code == httpx.codes.UNAUTHORIZED


async def gone(system: Stack, token: str) -> None:
    http = system.http()
    for headers in (bearing(token), await system.headers("acme-caller")):
        answer = await http.get(f"{system.path(NAME)}/tasks", headers=headers)
        assert answer.status_code == httpx.codes.NOT_FOUND
    answer = await http.get(f"{system.path('orchestrator')}/tasks", headers=bearing(token))
    assert answer.status_code == httpx.codes.NOT_FOUND
    for name in ("acme", "anomaly"):
        assert (await http.get(f"{system.path(name)}/tasks", headers=bearing(token))).status_code == 401
    refused = await http.post(TOKENS, data={"grant_type": "client_credentials"}, auth=(f"{NAME}-caller", "x"))
    assert refused.status_code == httpx.codes.UNAUTHORIZED
