"""Keycloak's signing keys change while requests go on; and Keycloak itself goes away."""

import json
from functools import partial
from typing import Any

import httpx
import pytest

from crossdock.auth.jws import read_header
from installer.agents import AGENTS
from tests.support.administration import administration
from tests.support.load import load
from tests.support.operated import Operated
from tests.support.served import bearing
from tests.support.stack import until

ASKS_AGAIN = 20.0
"""Seconds after which a replica that has just asked for the keys has done so again."""


@pytest.mark.timeout(240)
async def test_a_key_is_rotated_without_a_failed_request(system: Operated[Any]) -> None:
    async with administration(system) as keycloak:
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


def kid(token: str) -> str:
    return str(read_header(token)["kid"])


@pytest.mark.timeout(240)
async def test_tokens_are_still_verified_while_keycloak_is_stopped(system: Operated[Any]) -> None:
    """Cached keys do it, everywhere; who needs a new token is told to come again."""
    names = {agent.path: "acme-orchestrator" for agent in AGENTS} | {"acme": "acme-caller", "globex": "globex-caller"}
    headers = {name: await system.headers(client) for name, client in names.items()}
    await every_replica_knows_the_keys(system, headers)
    async with system.stopped("keycloak"):
        http = system.http()
        for name, its in headers.items():
            for _ in range(4):  # each replica of it, and each of the edge's
                answer = await http.get(f"{system.path(name)}/tasks?pageSize=1", headers=its)
                assert answer.status_code == httpx.codes.OK, (name, answer.text)
        tokens = f"{system.issuer}/protocol/openid-connect/token"
        refused = await http.post(tokens, data={"grant_type": "client_credentials"}, auth=("acme-caller", "x"))
        assert refused.status_code in {502, 503, 504}
        assert "error" in json.loads(refused.text)
    new = await system.headers("acme-caller")
    assert (await http.get(f"{system.path('acme')}/tasks", headers=new)).status_code == httpx.codes.OK


async def every_replica_knows_the_keys(system: Operated[Any], headers: dict[str, dict[str, str]]) -> None:
    """Keys may just have been changed: each replica asks for them when it first sees a token that a new one signed."""
    checked = {**headers["acme"], "X-Crossdock-Card": "acme-orchestrator"}
    asked = {name: ("/tasks?pageSize=1", its) for name, its in headers.items()} | {"edge": ("/check", checked)}
    for name, (path, its) in asked.items():
        for replica in await system.replicas(name):
            async with system.reach(replica) as http:
                await until(partial(_opens, http, path, its), f"{replica.name} knows no keys", ASKS_AGAIN)


async def _opens(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> bool:
    return (await http.get(path, headers=headers)).is_success
