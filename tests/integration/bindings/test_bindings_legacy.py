"""Clients of A2A 0.3: JSON-RPC, HTTP+JSON and a2a-sdk's own."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    TaskState,
)
from a2a.utils.errors import A2AError

from tests.support.executors import message
from tests.support.obligations import obliges
from tests.support.system import Agent, System
from tests.support.wire import Frame, finish, frames, rpc, sdk_client

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = TaskState.TASK_STATE_COMPLETED


def old(text: str = "complete", **fields: Any) -> dict[str, Any]:
    parts = [{"kind": "text", "text": text}]
    return {"message": {"kind": "message", "messageId": "m", "role": "user", "parts": parts, **fields}}


@pytest.fixture(params=["/", "/rpc"])
def old_url(request: pytest.FixtureRequest, agent: Agent) -> str:
    return f"{agent.url}{request.param}"


async def old_call(crossdock: System, url: str, method: str, params: dict[str, Any]) -> Any:
    headers = await crossdock.headers(version="")
    answer = await crossdock.http().post(url, json=rpc(method, params), headers=headers)
    assert answer.status_code == httpx.codes.OK
    return answer.json()


async def old_stream(crossdock: System, url: str, method: str, params: dict[str, Any], **headers: str) -> list[Frame]:
    headers = {**await crossdock.headers(version="0.3"), **headers}
    async with crossdock.http().stream("POST", url, json=rpc(method, params), headers=headers) as response:
        return [frame async for frame in frames(response)]


@obliges("3.6.2-version")
async def test_an_old_client_sends_gets_and_cancels(crossdock: System, old_url: str) -> None:
    sent = (await old_call(crossdock, old_url, "message/send", old()))["result"]
    assert (sent["kind"], sent["status"]["state"]) == ("task", "completed")
    assert [artifact["name"] for artifact in sent["artifacts"]] == ["echo", "data"]
    got = (await old_call(crossdock, old_url, "tasks/get", {"id": sent["id"], "historyLength": 1}))["result"]
    assert (got["id"], len(got["history"])) == (sent["id"], 1)
    assert (await old_call(crossdock, old_url, "tasks/cancel", {"id": sent["id"]}))["error"]["code"] == -32002
    assert (await old_call(crossdock, old_url, "tasks/get", {"id": "no"}))["error"]["code"] == -32001


@pytest.mark.parametrize("path", ["/", "/rpc"])
async def test_an_old_client_cancels_what_runs(crossdock: System, fresh: Agent, path: str) -> None:
    old_url = fresh.url + path
    configuration = {"blocking": False, "acceptedOutputModes": []}
    sent = await old_call(crossdock, old_url, "message/send", {**old("wait"), "configuration": configuration})
    assert sent["result"]["status"]["state"] in {"submitted", "working"}
    await fresh.work.working.wait()
    canceled = await old_call(crossdock, old_url, "tasks/cancel", {"id": sent["result"]["id"]})
    assert canceled["result"]["status"]["state"] == "canceled"


@obliges("3.6.2-version")
async def test_an_old_stream_ends_where_the_agent_asks(crossdock: System, old_url: str) -> None:
    async with asyncio.timeout(5):
        seen = await old_stream(crossdock, old_url, "message/stream", old("ask"))
    assert seen[-1].data["result"]["status"]["state"] == "input-required"
    assert [frame.number for frame in seen] == list(range(1, len(seen) + 1))
    task_id = seen[0].data["result"]["id"]
    answered = await old_call(crossdock, old_url, "message/send", old("answer", taskId=task_id))
    assert answered["result"]["status"]["state"] == "completed"


async def test_an_old_client_subscribes_again(crossdock: System, old_url: str) -> None:
    seen = await old_stream(crossdock, old_url, "message/stream", old())
    assert seen[-1].data["result"]["status"]["state"] == "completed"
    task_id = {"id": seen[0].data["result"]["id"]}
    resumed = await old_stream(crossdock, old_url, "tasks/resubscribe", task_id, **{"Last-Event-ID": "2"})
    assert [frame.number for frame in resumed] == [frame.number for frame in seen[1:]]
    assert [frame.data for frame in resumed[1:]] == [frame.data for frame in seen[2:]]
    (refused,) = await old_stream(crossdock, old_url, "tasks/resubscribe", task_id)
    assert refused.data["error"]["code"] == -32004


@obliges("3.6.2-version")
async def test_the_old_rest_binding(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers(version="")
    sent = {"message": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "complete"}]}}
    answer = await http.post(f"{agent.url}/v1/message:send", json=sent, headers=headers)
    task = answer.json()["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    got = await http.get(f"{agent.url}/v1/tasks/{task['id']}", headers=headers)
    assert got.json()["id"] == task["id"]
    assert (await http.get(f"{agent.url}/v1/tasks/no", headers=headers)).status_code == httpx.codes.NOT_FOUND
    async with http.stream("POST", f"{agent.url}/v1/message:stream", json=sent, headers=headers) as response:
        seen = [frame async for frame in frames(response)]
    assert [frame.number for frame in seen] == list(range(1, len(seen) + 1))


async def test_the_old_rest_streams_answer_errors_properly(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers(version="")
    follow_up = {"message": {"messageId": "m", "role": "ROLE_USER", "taskId": "no", "content": [{"text": "complete"}]}}
    for path, content, status in [
        ("/v1/message:stream", follow_up, 404),
        ("/v1/message:stream", {"message": {}}, 400),
        ("/v1/message:stream", {"message": 7}, 400),
        ("/v1/tasks/no:subscribe", {}, 404),
    ]:
        answer = await http.post(agent.url + path, json=content, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)


async def test_an_old_stream_beyond_the_limit_is_a_503(crossdock: System) -> None:
    agent = await crossdock.agent(streams_per_customer=1)
    http, headers = crossdock.http(), await crossdock.headers(version="")
    async with http.stream("POST", agent.url, json=rpc("message/stream", old("wait")), headers=headers) as first:
        coming = frames(first)
        await anext(coming)
        refused = await http.post(agent.url, json=rpc("message/stream", old()), headers=headers)
        assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert refused.headers["retry-after"] == "5"
        assert "1 streams are open already" in refused.text


async def test_the_sdks_old_client(crossdock: System, agent: Agent, binding: str) -> None:
    sdk = await sdk_client(crossdock, agent.url, binding, version="0.3")
    assert "Compat" in type(sdk._transport).__name__  # type: ignore[attr-defined]
    task = await finish(sdk, message("complete"))
    assert task.status.state == COMPLETED
    assert (await sdk.get_task(GetTaskRequest(id=task.id))).id == task.id
    with pytest.raises(A2AError):
        await sdk.cancel_task(CancelTaskRequest(id=task.id))
    async with asyncio.timeout(5):
        asked = await finish(sdk, message("ask"))
    assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED


OLD_FILE = {"kind": "file", "file": {"bytes": "!!!", "name": "a.csv", "mimeType": "text/csv"}}


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("message/send", {"message": 5}, "message must hold fields: {...}."),
        ("message/send", {}, "message is required."),
        ("message/send", old(role="boss"), "message.role must be one of: 'agent' or 'user'."),
        ("message/send", old(role="agent"), "message.role must be ROLE_USER: as ROLE_AGENT only the agent speaks."),
        ("message/send", old(messageId=5), "message.messageId must be a string."),
        ("message/send", old(parts=[OLD_FILE]), "message.parts[0].file.bytes must be base64 text."),
        ("message/stream", old(parts=[OLD_FILE]), "message.parts[0].file.bytes must be base64 text."),
        ("message/send", old(parts=[{"kind": "text"}]),
         "message.parts[0] must be a text, file or data part with the fields of its kind."),
        ("tasks/get", {}, "id is required."),
        ("tasks/get", {"id": "x", "historyLength": "many"}, "historyLength must be a whole number."),
    ],
)  # fmt: skip
async def test_an_old_request_that_does_not_fit_is_named_by_its_field(
    crossdock: System, agent: Agent, method: str, params: dict[str, Any], text: str
) -> None:
    headers = await crossdock.headers(version="")
    answer = await crossdock.http().post(agent.url, json=rpc(method, params), headers=headers)
    told = answer.text.removeprefix("data: ")
    error = json.loads(told)["error"]
    assert (error["code"], error["message"]) == (-32602, text)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "message.content[0] must hold text, file or data."),
        ({"text": 5}, "message.content[0].text must be a string."),
        ({"file": {}}, "message.content[0].file must hold fileWithBytes or fileWithUri."),
        ({"file": {"fileWithBytes": "!"}}, "message.content[0].file.fileWithBytes must be base64 text."),
        ({"file": {"fileWithBytes": "ISEh"}}, "message.content[0].file.fileWithBytes must be base64 text."),
        (
            {"file": {"fileWithBytes": "/w=="}},
            "message.content[0].file.fileWithBytes must be the base64 text of base64 text, as A2A 0.3 writes it.",
        ),
    ],
)
async def test_an_old_rest_part_that_does_not_fit(
    crossdock: System, agent: Agent, content: dict[str, Any], text: str
) -> None:
    headers = await crossdock.headers(version="")
    sent = {"message": {"messageId": "m", "role": "ROLE_USER", "content": [content]}}
    answer = await crossdock.http().post(f"{agent.url}/v1/message:send", json=sent, headers=headers)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, text)


async def test_old_files_and_data_arrive_whole(crossdock: System, fresh: Agent) -> None:
    headers = await crossdock.headers(version="")
    file = {"kind": "file", "file": {"bytes": "YQ==", "name": "a.csv", "mimeType": "text/csv"}}
    data = {"kind": "data", "data": {"value": [1, 2.5]}, "metadata": {"data_part_compat": True}}
    sent = old(parts=[{"kind": "text", "text": "complete"}, file, data])
    await crossdock.http().post(fresh.url, json=rpc("message/send", sent), headers=headers)
    inner = {"fileWithBytes": base64.b64encode(b"YQ==").decode(), "name": "a.csv", "mimeType": "text/csv"}
    content = [{"text": "complete"}, {"file": inner}, {"data": {"data": {"value": [1, 2.5]}}}]
    sent = {"message": {"messageId": "m", "role": "ROLE_USER", "content": content}}
    await crossdock.http().post(f"{fresh.url}/v1/message:send", json=sent, headers=headers)
    by_rpc, by_rest = fresh.work.requests
    for request, received in ((by_rpc, [1, 2.5]), (by_rest, {"value": [1, 2.5]})):
        assert [(file.name, file.content) for file in request.files] == [("a.csv", b"a")]
        assert request.parts[2].data == received
