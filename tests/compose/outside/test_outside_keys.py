"""Keycloak's signing keys change while requests go on; and Keycloak itself goes away."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from crossdock.auth.jws import read_header
from installer.agents import AGENTS
from tests.support.administration import Administration
from tests.support.gateway import docker
from tests.support.load import load
from tests.support.served import bearing
from tests.support.stack import TOKENS, Stack, until

ASKS_AGAIN = 20.0
"""Seconds after which a replica that has just asked for the keys has done so again."""


@pytest.mark.timeout(240)
async def test_a_key_is_rotated_without_a_failed_request(system: Stack, keycloak: Administration) -> None:
    old = await keycloak.signing()
    before = await system.token("acme-caller")
    async with load(system) as going:
        await going.more(80)
        new = await keycloak.add_key(old["providerPriority"] + 1)
        assert kid(await system.token("acme-caller")) != kid(before)
        await going.more()
        await keycloak.change_key(old["providerId"], active="false")
        await going.more()
        kept = await system.http().get(f"{system.path('acme')}/tasks", headers=bearing(before))
        assert kept.status_code == httpx.codes.OK
    assert (going.failed, going.tokens > 10) == ([], True)
    assert (await keycloak.signing())["providerId"] == new


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


def kid(token: str) -> str:
    return str(read_header(token)["kid"])


@pytest.mark.timeout(240)
async def test_tokens_are_still_verified_while_keycloak_is_stopped(system: Stack, network: httpx.AsyncClient) -> None:
    """Cached keys do it, everywhere; who needs a new token is told to come again."""
    names = {agent.path: "acme-orchestrator" for agent in AGENTS} | {"acme": "acme-caller", "globex": "globex-caller"}
    headers = {name: await system.headers(client) for name, client in names.items()}
    await every_replica_knows_the_keys(system, network, headers)
    (container,) = await system.project.containers("keycloak")
    await docker("stop", container.name)
    try:
        http = system.http()
        for name, its in headers.items():
            for _ in range(4):  # each replica of it, and each of the edge's
                answer = await http.get(f"{system.path(name)}/tasks?pageSize=1", headers=its)
                assert answer.status_code == httpx.codes.OK, (name, answer.text)
        refused = await http.post(TOKENS, data={"grant_type": "client_credentials"}, auth=("acme-caller", "x"))
        assert refused.status_code in {502, 503, 504}
        assert "error" in json.loads(refused.text)
    finally:
        await docker("start", container.name)
    await system.project.well("keycloak")
    new = await system.headers("acme-caller")
    assert (await http.get(f"{system.path('acme')}/tasks", headers=new)).status_code == httpx.codes.OK


async def every_replica_knows_the_keys(
    system: Stack, network: httpx.AsyncClient, headers: dict[str, dict[str, str]]
) -> None:
    """Keys may just have been changed: each replica asks for them when it first sees a token that a new one signed."""
    hosts = {agent.path: (agent.id, agent.port) for agent in AGENTS}
    hosts |= {name: (f"orchestrator-{name}", 8001) for name in ("acme", "globex")}
    for name, (service, port) in hosts.items():
        for container in await system.project.containers(service):
            url = f"http://{container.name}:{port}/tasks?pageSize=1"
            await until(partial(serves, network, url, headers[name]), f"{container.name} knows no keys", ASKS_AGAIN)
    token = headers["acme"]["Authorization"].removeprefix("Bearer ")
    for container in await system.project.containers("edge"):
        known = partial(passes, network, f"http://{container.name}:8005", token)
        await until(known, f"{container.name} knows no keys", ASKS_AGAIN)


async def serves(network: httpx.AsyncClient, url: str, headers: dict[str, str]) -> bool:
    return (await network.get(url, headers=headers)).status_code == httpx.codes.OK


async def passes(network: httpx.AsyncClient, url: str, token: str) -> bool:
    return await checked(network, url, token) == httpx.codes.NO_CONTENT
