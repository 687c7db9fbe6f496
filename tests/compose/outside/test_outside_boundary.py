"""Who may call what with real tokens: alike over JSON-RPC, HTTP+JSON, and gRPC by host name."""

import asyncio
import base64
import json
import os
from collections.abc import Callable

import grpc
import httpx
import pytest

from crossdock.auth.clients import ACCESS, ClientRights
from crossdock.auth.jws import read_claims
from tests.support.administration import Administration
from tests.support.gateway import docker
from tests.support.operations import Caller, RestCaller, RpcCaller
from tests.support.stack import PYTHON, Stack
from tests.support.strangers import Theirs, asked_for_input, finds_nothing, finds_nothing_over_grpc
from tests.support.verdicts import FORBIDDEN, GOOD, STRANGER, verdicts

Code = grpc.StatusCode


async def test_a_good_token_comes_in(system: Stack) -> None:
    for name, client in (("acme", "acme-caller"), ("orchestrator", "globex-caller"), ("anomaly", "acme-orchestrator")):
        assert await verdicts(system, name, await system.token(client)) == GOOD


async def test_no_token_and_garbage_do_not(system: Stack) -> None:
    for token in ("", "garbage", "a.b.c", forged(await system.token("acme-caller"))):
        for name in ("acme", "contracts", "orchestrator"):
            assert await verdicts(system, name, token) == STRANGER, (name, token)


def forged(token: str) -> str:
    """As globex's, with a signature that was made for acme."""
    head, _, signature = token.split(".")
    changed = json.dumps({**read_claims(token), "customer": "globex"}).encode()
    return ".".join((head, base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), signature))


async def test_a_token_for_another_card_does_not(system: Stack) -> None:
    caller, orchestrator = await system.token("acme-caller"), await system.token("acme-orchestrator")
    assert await verdicts(system, "anomaly", caller) == STRANGER
    assert await verdicts(system, "acme", orchestrator) == STRANGER
    assert await verdicts(system, "globex", caller) == STRANGER


async def test_a_token_without_the_role_does_not(system: Stack, keycloak: Administration) -> None:
    rights = ClientRights("test-roleless", "acme", ("acme-orchestrator", "anomaly-agent"), ())
    async with keycloak.client(rights) as secret:
        token = await system.token(rights.client_id, secret)
    for name in ("acme", "orchestrator", "anomaly"):
        assert await verdicts(system, name, token) == FORBIDDEN


async def test_an_orchestrator_answers_no_other_customer(system: Stack, keycloak: Administration) -> None:
    """Not even with its own audience."""
    rights = ClientRights("test-stranger", "globex", ("acme-orchestrator",), (ACCESS,))
    async with keycloak.client(rights) as secret:
        token = await system.token(rights.client_id, secret)
    assert await verdicts(system, "acme", token) == FORBIDDEN


@pytest.fixture
async def theirs(system: Stack) -> Theirs:
    return await asked_for_input(system)


@pytest.mark.parametrize("binding", [RpcCaller, RestCaller])
async def test_another_customers_task_is_not_found_by_any_method(
    system: Stack, theirs: Theirs, binding: Callable[..., Caller]
) -> None:
    globex = binding(system.http(), system.path("anomaly"), await system.headers("globex-orchestrator"))
    await finds_nothing(globex, theirs)


async def test_nor_over_grpc(system: Stack, theirs: Theirs) -> None:
    stub = system.grpc("anomaly", await system.token("globex-orchestrator"))
    await finds_nothing_over_grpc(stub, theirs)


async def test_its_owner_still_has_all_of_it(system: Stack, theirs: Theirs) -> None:
    acme = await system.rpc("anomaly", "acme-orchestrator")
    assert (await acme.call("GetTask", {"id": theirs.task})).result["id"] == theirs.task
    assert (await acme.call("ListTasks", {"contextId": theirs.context})).result["totalSize"] == 1
    webhooks = await acme.call("ListTaskPushNotificationConfigs", {"taskId": theirs.task})
    assert webhooks.error is None


async def test_at_the_orchestrator_another_customers_task_is_forbidden(system: Stack) -> None:
    task = await (await system.rpc("acme", "acme-caller")).send("Which museum should I see?")
    globex = await system.headers("globex-caller")
    for binding in (RpcCaller, RestCaller):
        answer = await binding(system.http(), system.path("acme"), globex).call("GetTask", {"id": task["id"]})
        assert answer.status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
    own = await RpcCaller(system.http(), system.path("orchestrator"), globex).call("GetTask", {"id": task["id"]})
    assert own.reason == "TASK_NOT_FOUND"


async def exhausted(http: httpx.AsyncClient, path: str, headers: dict[str, str], at_most: int = 1000) -> httpx.Response:
    """The first answer that is no 200."""
    for _ in range(at_most // 10):
        for answer in await asyncio.gather(*(http.get(path, headers=headers) for _ in range(10))):
            if answer.status_code != httpx.codes.OK:
                return answer
    raise AssertionError(f"{at_most} requests were served")


GATEWAY = """
import http.client, json, ssl, sys
token, count = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}", "A2A-Version": "1.0"}
for _ in range(int(count)):
    connection = http.client.HTTPSConnection("gateway", 8443, context=ssl._create_unverified_context())
    connection.request("GET", "/agents/orchestrator/tasks?pageSize=1", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
print(answer.status, answer.headers["Retry-After"], text)
"""


async def last_of(system: Stack, token: str, count: int) -> str:
    """What the last of so many requests is answered, from an address of its own: that of a container."""
    network = f"--network={system.project.name}_front"
    program = (f"--entrypoint={PYTHON}", system.image("installer"), "-c", GATEWAY, token, str(count))
    return await docker("run", "--rm", network, *program)


async def test_a_token_has_one_limit_wherever_it_comes_from(system: Stack) -> None:
    """Half of what it may at once from each of two containers; another token has its own from both."""
    one, other = await system.token("acme-caller"), await system.token("acme-caller")
    half = burst() // 2 + 15
    assert (await last_of(system, one, half)).startswith("200")
    refused = await last_of(system, one, half)
    assert refused.startswith("429 1 ")
    assert json.loads(refused.split(" ", 2)[2])["error"]["status"] == "RESOURCE_EXHAUSTED"
    for _ in range(2):
        assert (await last_of(system, other, 1)).startswith("200")


def burst() -> int:
    return int(os.environ.get("REQUEST_BURST", "50"))


async def test_requests_are_limited_by_token_and_not_by_address(system: Stack) -> None:
    http, path = system.http(), f"{system.path('orchestrator')}/tasks?pageSize=1"
    one, other = await system.headers("acme-caller"), await system.headers("acme-caller")
    answer = await exhausted(http, path, one)
    assert (answer.status_code, answer.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await http.get(path, headers=other)).status_code == httpx.codes.OK
    assert (await http.get(path, headers=await system.headers("globex-caller"))).status_code == httpx.codes.OK
