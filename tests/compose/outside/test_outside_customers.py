"""A third customer comes and goes while the other two are served."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import third_customer
from tests.support.load import load
from tests.support.remnants import kept_contracts, leave_a_contract
from tests.support.served import bearing
from tests.support.stack import ROOT, TOKENS, Stack
from tests.support.third_customer import BROKEN, LIMIT, NAME, change


@pytest.fixture
def described() -> Iterator[Path]:
    with third_customer.described() as path:
        yield path


async def make(target: str, name: str = NAME, status: int = 0) -> str:
    """As the operator types it."""
    process = await asyncio.create_subprocess_exec(
        *("make", "--no-print-directory", target, f"NAME={name}"),
        cwd=ROOT,
        env=dict(os.environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(150):
        said = (await process.communicate())[0].decode()
    assert process.returncode == status, said
    return said


async def test_a_customer_whose_file_is_broken_is_refused_before_anything_is_made(
    system: Stack, described: Path
) -> None:
    before = await shared(system), places(system)
    for part, (broken, complaint) in BROKEN.items():
        change(described, part, broken)
        said = await make("customer", status=2)
        assert said.splitlines()[0].startswith(f"error: {complaint}"), said
        assert (await shared(system), places(system)) == before
        change(described, broken, part)


MODEL = {
    "    enabled: false\n": "    enabled: true\n",
    '    model: ""\n': "    model: any\n",
    "api_key_file: null": "api_key_file: /run/secrets/none",
}


@pytest.mark.timeout(240)
async def test_what_does_not_start_is_taken_away_again(system: Stack, described: Path) -> None:
    """Its file is good, but the key of its language model is not there: that is seen only where it runs."""
    before = await shared(system), places(system)
    for part, other in MODEL.items():
        change(described, part, other)
    said = (await make("customer", status=2)).splitlines()[0]
    assert said.startswith("error: ")
    assert "/run/secrets/none" in said
    assert said.endswith(f"What was made for {NAME} is removed again.")
    assert (await shared(system), places(system)) == before
    refused = await system.http().post(TOKENS, data={"grant_type": "client_credentials"}, auth=(f"{NAME}-caller", "x"))
    assert refused.status_code == httpx.codes.UNAUTHORIZED


async def test_a_mistyped_name_is_not_removed(system: Stack) -> None:
    before = await shared(system), places(system)
    said = await make("customer-remove", "vandelai")
    assert said == "There is nothing to remove: no customer vandelai is installed here. Installed: acme, globex.\n"
    assert (await shared(system), places(system)) == before


def places(system: Stack) -> dict[str, bytes]:
    """All that the installer keeps."""
    files = [path for path in system.place.folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


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
            await leave_a_contract(system, NAME)
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
    assert await kept_contracts(system, NAME) == 0
