"""Who may call what, alike at an agent and at an orchestrator; and what of another customer's can be seen: nothing."""

import httpx
import pytest

from crossdock.cards.building import CARD_PATHS
from tests.support.executors import message
from tests.support.obligations import obliges
from tests.support.orchestration import orchestrator
from tests.support.system import System

MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "complete"}]}
BODY = {"message": MESSAGE}
RPC = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": BODY}


@pytest.fixture(params=["agent", "orchestrator"])
async def door(request: pytest.FixtureRequest, crossdock: System) -> tuple[str, str, str]:
    """The URL of a service, a client that may call it, and one of the same customer that may not."""
    if request.param == "agent":
        return (await crossdock.agent()).url, "acme-orchestrator", "acme-caller"
    return (await orchestrator(crossdock)).url, "acme-caller", "acme-orchestrator"


async def post(crossdock: System, url: str, token: str) -> httpx.Response:
    headers = {"A2A-Version": "1.0", **({"Authorization": f"Bearer {token}"} if token else {})}
    return await crossdock.http().post(url, json=RPC, headers=headers)


async def test_cards_are_public_and_nothing_else_is(crossdock: System, door: tuple[str, str, str]) -> None:
    url, *_ = door
    http = crossdock.http()
    for path in CARD_PATHS:
        assert (await http.get(url + path)).status_code == httpx.codes.OK
    for path in ("/", "/rpc", "/tasks", "/extendedAgentCard", "/v1/card", "/acme/tasks", "/anything", "/metrics"):
        refused = await http.get(url + path)
        assert refused.status_code == httpx.codes.UNAUTHORIZED, path
        assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_no_token_and_a_bad_one_are_401(crossdock: System, door: tuple[str, str, str]) -> None:
    url, *_ = door
    for token in ("", "nonsense", "a.b.c"):
        assert (await post(crossdock, url, token)).status_code == httpx.codes.UNAUTHORIZED


async def test_a_token_for_somebody_else_is_401(crossdock: System, door: tuple[str, str, str]) -> None:
    url, _, other = door
    assert (await post(crossdock, url, await crossdock.issuer.token(other))).status_code == httpx.codes.UNAUTHORIZED


async def test_a_missing_role_is_403(crossdock: System, door: tuple[str, str, str]) -> None:
    url, client, _ = door
    token = await crossdock.issuer.mint(client, claims={"realm_access": {"roles": ["something-else"]}})
    assert (await post(crossdock, url, token)).status_code == httpx.codes.FORBIDDEN


async def test_a_good_token_is_200(crossdock: System, door: tuple[str, str, str]) -> None:
    url, client, _ = door
    answer = await post(crossdock, url, await crossdock.issuer.token(client))
    assert answer.status_code == httpx.codes.OK
    assert answer.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_rotated_key_is_picked_up(crossdock: System, door: tuple[str, str, str]) -> None:
    url, client, _ = door
    assert (await post(crossdock, url, await crossdock.issuer.token(client))).status_code == httpx.codes.OK
    await crossdock.issuer.rotate()
    assert (await post(crossdock, url, await crossdock.issuer.token(client))).status_code == httpx.codes.OK


async def test_a_missing_skill_right_is_403_on_both_bindings(crossdock: System) -> None:
    agent = await crossdock.agent()
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": ["agent-access", "skill:puppet.act"]}})
    headers = {"Authorization": f"Bearer {token}", "A2A-Version": "1.0"}
    named = {"message": {**MESSAGE, "metadata": {"urn:crossdock:skill:v1": "other"}}}
    rpc = await crossdock.http().post(agent.url, json={**RPC, "params": named}, headers=headers)
    rest = await crossdock.http().post(f"{agent.url}/message:send", json=named, headers=headers)
    stream = await crossdock.http().post(f"{agent.url}/message:stream", json=named, headers=headers)
    assert (rpc.status_code, rest.status_code, stream.status_code) == (403, 403, 403)
    assert rpc.json()["error"]["code"] == -32040
    assert rest.json()["error"]["status"] == "PERMISSION_DENIED"
    assert "skill:puppet.other" in rpc.json()["error"]["message"]


async def test_an_inferred_skill_without_the_right_is_refused(crossdock: System) -> None:
    agent = await crossdock.agent()
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": ["agent-access"]}})
    answer = (await post(crossdock, agent.url, token)).json()["result"]["task"]
    assert answer["status"]["state"] == "TASK_STATE_FAILED"
    assert "skill:puppet.act" in answer["status"]["message"]["parts"][0]["text"]
    assert not agent.work.requests


async def test_an_orchestrator_answers_its_own_customer_only(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    token = await crossdock.issuer.mint("globex-caller", claims={"aud": ["acme-orchestrator"]})
    assert (await post(crossdock, served.url, token)).status_code == httpx.codes.FORBIDDEN


@obliges("13.1-scope", "3.3.2-hidden")
async def test_another_customers_tasks_do_not_exist(crossdock: System) -> None:
    agent = await crossdock.agent()
    events = [event async for event in crossdock.client(agent.url).send(message("ask").message)]
    task_id = events[0].id  # type: ignore[union-attr]
    headers = await crossdock.headers("globex-orchestrator")
    http = crossdock.http()
    follow_up = {"message": {**MESSAGE, "taskId": task_id}}
    answers = [
        await http.get(f"{agent.url}/tasks/{task_id}", headers=headers),
        await http.post(f"{agent.url}/tasks/{task_id}:cancel", headers=headers),
        await http.post(f"{agent.url}/tasks/{task_id}:subscribe", headers=headers),
        await http.post(f"{agent.url}/tasks/{task_id}:subscribe", headers={**headers, "Last-Event-ID": "1"}),
        await http.post(f"{agent.url}/message:send", json=follow_up, headers=headers),
        await http.post(f"{agent.url}/message:stream", json=follow_up, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert {answer.json()["error"]["details"][0]["reason"] for answer in answers} == {"TASK_NOT_FOUND"}
    listed = (await http.get(f"{agent.url}/tasks", headers=headers)).json()
    assert (listed["tasks"], listed["totalSize"]) == ([], 0)
    referring = {"message": {**MESSAGE, "referenceTaskIds": [task_id]}}
    await http.post(f"{agent.url}/message:send", json=referring, headers=headers)
    assert agent.work.requests[-1].context == ()


async def test_a_tenant_is_the_tokens_customer(crossdock: System) -> None:
    agent = await crossdock.agent()
    headers = await crossdock.headers()
    http = crossdock.http()
    assert (await http.get(f"{agent.url}/acme/tasks", headers=headers)).status_code == httpx.codes.OK
    assert (await http.get(f"{agent.url}/globex/tasks", headers=headers)).status_code == httpx.codes.FORBIDDEN
    body = {**RPC, "params": {**BODY, "tenant": "globex"}}
    assert (await http.post(agent.url, json=body, headers=headers)).status_code == httpx.codes.FORBIDDEN
