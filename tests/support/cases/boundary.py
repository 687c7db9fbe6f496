"""Who may call what with real tokens: alike over JSON-RPC, HTTP+JSON, and gRPC by host name."""

import asyncio
import base64
import json
from typing import Any

import httpx

from crossdock.auth.clients import ACCESS, ClientRights
from crossdock.auth.jws import read_claims
from tests.support.administration import administration
from tests.support.operated import Operated
from tests.support.operations import RestCaller, RpcCaller
from tests.support.strangers import asked_for_input, finds_nothing, finds_nothing_over_grpc
from tests.support.verdicts import FORBIDDEN, GOOD, STRANGER, verdicts


async def test_a_good_token_comes_in(system: Operated[Any]) -> None:
    for name in [door for customer in ("acme", "globex") for door in system.doors(customer)]:
        customer = name if name in {"acme", "globex"} else "globex"
        assert await verdicts(system, name, await system.token(f"{customer}-caller")) == GOOD
    assert await verdicts(system, "anomaly", await system.token("acme-orchestrator")) == GOOD


async def test_no_token_and_garbage_do_not(system: Operated[Any]) -> None:
    for token in ("", "garbage", "a.b.c", forged(await system.token("acme-caller"))):
        for name in ("contracts", *system.doors("acme")):
            assert await verdicts(system, name, token) == STRANGER, (name, token)


def forged(token: str) -> str:
    """As globex's, with a signature that was made for acme."""
    head, _, signature = token.split(".")
    changed = json.dumps({**read_claims(token), "customer": "globex"}).encode()
    return ".".join((head, base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), signature))


async def test_a_refusal_is_told_in_json(system: Operated[Any]) -> None:
    for name in ("acme", "anomaly"):
        answer = await system.http().get(f"{system.path(name)}/tasks", headers={"A2A-Version": "1.0"})
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
        assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_for_another_card_does_not(system: Operated[Any]) -> None:
    caller, orchestrator = await system.token("acme-caller"), await system.token("acme-orchestrator")
    assert await verdicts(system, "anomaly", caller) == STRANGER
    assert await verdicts(system, "acme", orchestrator) == STRANGER
    assert await verdicts(system, "globex", caller) == STRANGER


async def test_a_token_without_the_role_does_not(system: Operated[Any]) -> None:
    token = await issued(system, ClientRights("test-roleless", "acme", ("acme-orchestrator", "anomaly-agent"), ()))
    for name in ("anomaly", *system.doors("acme")):
        assert await verdicts(system, name, token) == FORBIDDEN


async def test_an_orchestrator_answers_no_other_customer(system: Operated[Any]) -> None:
    """Not even with its own audience."""
    token = await issued(system, ClientRights("test-stranger", "globex", ("acme-orchestrator",), (ACCESS,)))
    assert await verdicts(system, "acme", token) == FORBIDDEN


async def issued(system: Operated[Any], rights: ClientRights) -> str:
    """A token of a client that is there for as long as that takes."""
    async with administration(system) as keycloak, keycloak.client(rights) as secret:
        return await system.token(rights.client_id, secret)


async def test_another_customers_task_is_not_found_by_any_method(system: Operated[Any]) -> None:
    theirs = await asked_for_input(system)
    headers = await system.headers("globex-orchestrator")
    for binding in (RpcCaller, RestCaller):
        await finds_nothing(binding(system.http(), system.path("anomaly"), headers), theirs)
    await finds_nothing_over_grpc(system.grpc("anomaly", await system.token("globex-orchestrator")), theirs)
    acme = await system.rpc("anomaly", "acme-orchestrator")
    assert (await acme.call("GetTask", {"id": theirs.task})).result["id"] == theirs.task
    assert (await acme.call("ListTasks", {"contextId": theirs.context})).result["totalSize"] == 1
    webhooks = await acme.call("ListTaskPushNotificationConfigs", {"taskId": theirs.task})
    assert webhooks.error is None


async def test_at_the_orchestrator_another_customers_task_is_forbidden(system: Operated[Any]) -> None:
    task = await (await system.rpc("acme", "acme-caller")).send("Which museum should I see?")
    globex = await system.headers("globex-caller")
    for binding in (RpcCaller, RestCaller):
        answer = await binding(system.http(), system.path("acme"), globex).call("GetTask", {"id": task["id"]})
        assert answer.status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
    for name in system.doors("globex"):
        own = await RpcCaller(system.http(), system.path(name), globex).call("GetTask", {"id": task["id"]})
        assert own.reason == "TASK_NOT_FOUND"


async def test_requests_are_limited_by_token_and_not_by_address(system: Operated[Any]) -> None:
    http, path = system.http(), f"{system.path(system.doors('acme')[-1])}/tasks?pageSize=1"
    one, other = await system.headers("acme-caller"), await system.headers("acme-caller")
    answer = await exhausted(http, path, one)
    assert (answer.status_code, answer.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await http.get(path, headers=other)).status_code == httpx.codes.OK
    path = f"{system.path(system.doors('globex')[-1])}/tasks?pageSize=1"
    assert (await http.get(path, headers=await system.headers("globex-caller"))).status_code == httpx.codes.OK


async def exhausted(http: httpx.AsyncClient, path: str, headers: dict[str, str], at_most: int = 1000) -> httpx.Response:
    """The first answer that is no 200."""
    for _ in range(at_most // 10):
        for answer in await asyncio.gather(*(http.get(path, headers=headers) for _ in range(10))):
            if answer.status_code != httpx.codes.OK:
                return answer
    raise AssertionError(f"{at_most} requests were served")


async def test_nothing_else_of_keycloak_can_be_reached(system: Operated[Any]) -> None:
    http, headers = system.http(), await system.headers("installer")
    origin = system.issuer.removesuffix("/realms/crossdock")
    for path in (
        *("/admin/realms/crossdock/clients", "/admin/master/console/", "/realms/master/protocol/openid-connect/token"),
        *("/realms/crossdock/account", "/realms/crossdock/clients-registrations/default", "/health/ready", "/metrics"),
        *("/realms/crossdock/protocol/openid-connect/token/introspect", "/resources/x.js", "/js/keycloak.js", "/"),
        *("/realms/crossdock/protocol/openid-connect/auth", "/realms/crossdock/protocol/openid-connect/userinfo"),
    ):
        answer = await http.get(origin + path, headers=headers)
        assert (answer.status_code, answer.headers.get("Server")) == (httpx.codes.NOT_FOUND, "nginx"), path
    discovery = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
    assert discovery["issuer"] == system.issuer
    assert (await http.get(discovery["jwks_uri"])).json()["keys"]


async def test_internal_headers_get_neither_in_nor_out(system: Operated[Any]) -> None:
    http, headers = system.http(), await system.headers("globex-caller")
    forged = {"X-Auth-Customer": "acme", "X-Crossdock-Card": "acme-orchestrator", "crossdock-hops": "99"}
    path = f"{system.path(system.doors('globex')[-1])}/extendedAgentCard"
    answer = await http.get(path, headers={**headers, **forged})
    assert (answer.status_code, answer.json()["name"]) == (httpx.codes.OK, "globex-orchestrator")
    inner = {"via", "x-powered-by", "x-crossdock-card", "crossdock-hops"}
    inner |= {"x-auth-customer", "x-auth-error", "x-auth-message"}
    assert not inner & {name.lower() for name in answer.headers}
    assert answer.headers["Server"] == "nginx"
