"""Keycloak's signing keys change while requests go on; and Keycloak itself goes away."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.support.administration import Administration
from tests.support.cases.keys import *  # noqa: F403
from tests.support.cases.keys import ASKS_AGAIN
from tests.support.served import bearing
from tests.support.stack import Stack, until


@pytest.mark.timeout(240)
async def test_stale_jwks_after_rotation(system: Stack, keycloak: Administration, network: httpx.AsyncClient) -> None:
    """A key that was disabled opens nothing once the keys' time to live is over; one that never ends is the control."""
    old = await keycloak.signing()
    async with edge(system, network, seconds=2) as fresh, edge(system, network, seconds=86_400) as stale:
        token = await system.token("acme-caller")
        assert [await checked(network, each, token) for each in (fresh, stale)] == [204, 204]
        await keycloak.add_key(old["providerPriority"] + 1)
        await keycloak.change_key(old["providerId"], active="false", enabled="false")
        await until(lambda: _is(checked(network, fresh, token), 401), "the retired key still opens", 15)
        assert await checked(network, stale, token) == 204
    await forget_old_keys(system)
    answer = await system.http().get(f"{system.path('acme')}/tasks", headers=bearing(token))
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    await keycloak.remove_key(old["providerId"])


async def forget_old_keys(system: Stack) -> None:
    """A key that a replica has not seen yet has it ask for all keys again, though not at any pace."""
    http, new = system.http(), await system.headers("acme-caller")

    async def served() -> bool:
        answers = [await http.get(f"{system.path('acme')}/tasks", headers=new) for _ in range(8)]
        return all(answer.status_code == httpx.codes.OK for answer in answers)

    await until(served, "the new key does not open", ASKS_AGAIN, pause=0.5)


@asynccontextmanager
async def edge(system: Stack, network: httpx.AsyncClient, seconds: int) -> AsyncIterator[str]:
    """Another replica of the edge, which is told this time to live of keys; its URL."""
    (like,) = (await system.project.containers("edge"))[:1]
    variables = [f"--env={each}" for each in like.found["Config"]["Env"] if each.startswith("CROSSDOCK_ISSUER")]
    async with system.container(*variables, f"--env=CROSSDOCK_JWKS_TTL={seconds}", system.image("edge")) as made:
        url = f"http://{made.name}:8005"
        await until(lambda: _is(checked(network, url, ""), 401), f"{made.name} does not answer")
        yield url


async def checked(network: httpx.AsyncClient, url: str, token: str) -> int:
    headers = {"X-Crossdock-Card": "acme-orchestrator", **(bearing(token) if token else {})}
    return (await network.get(f"{url}/check", headers=headers)).status_code


async def _is(answering: Awaitable[int], status: int) -> bool:
    return await answering == status
