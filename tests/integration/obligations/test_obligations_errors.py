"""Sections 3.3.2, 5.4, 9 and 11: how each binding says what it says, and what it refuses."""

from typing import Any

import pytest

from tests.support.obligations import obliges
from tests.support.operations import Answer, Caller, RestCaller, RpcCaller, sent
from tests.support.wire import GRPC, HTTP_JSON, JSONRPC, frames, rpc

pytestmark = pytest.mark.asyncio(loop_scope="module")
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.fixture(scope="module", params=["memory"])
def kind(request: pytest.FixtureRequest) -> str:
    """What is said does not depend on where tasks are kept."""
    return str(request.param)


async def refusals(caller: Caller, bare: Caller, demanding: Caller) -> dict[str, Answer]:
    """One of each of A2A's errors that a caller can bring about, by the name that it must have."""
    done = (await caller.send("tck-complete-task"))["id"]
    strange = sent("a", parts=[{"raw": "AAAA", "mediaType": "application/x-unheard-of"}])
    return {
        "TASK_NOT_FOUND": await caller.call("GetTask", {"id": "none"}),
        "TASK_NOT_CANCELABLE": await caller.call("CancelTask", {"id": done}),
        "PUSH_NOTIFICATION_NOT_SUPPORTED": await bare.call("ListTaskPushNotificationConfigs", {"taskId": done}),
        "UNSUPPORTED_OPERATION": await caller.call("SubscribeToTask", {"id": done}),
        "CONTENT_TYPE_NOT_SUPPORTED": await caller.call("SendMessage", strange),
        "EXTENSION_SUPPORT_REQUIRED": await demanding.call("SendMessage", sent("a")),
        "VERSION_NOT_SUPPORTED": await caller.call("SendMessage", sent("a"), A2A_Version="2.0"),
        "INVALID_PARAMS": await caller.call("SendMessage", sent("a", parts=[])),
    }


EXPECTED = {
    "TASK_NOT_FOUND": (-32001, 404, "NOT_FOUND"),
    "TASK_NOT_CANCELABLE": (-32002, 400, "FAILED_PRECONDITION"),
    "PUSH_NOTIFICATION_NOT_SUPPORTED": (-32003, 400, "FAILED_PRECONDITION"),
    "UNSUPPORTED_OPERATION": (-32004, 400, "FAILED_PRECONDITION"),
    "CONTENT_TYPE_NOT_SUPPORTED": (-32005, 400, "INVALID_ARGUMENT"),
    "EXTENSION_SUPPORT_REQUIRED": (-32008, 400, "FAILED_PRECONDITION"),
    "VERSION_NOT_SUPPORTED": (-32009, 400, "FAILED_PRECONDITION"),
    "INVALID_PARAMS": (-32602, 400, "INVALID_ARGUMENT"),
}


@obliges("5.4-codes", "3.3.2-shape", "9.5-data", "11.6-status")
async def test_each_error_is_told_as_the_table_says(
    caller: Caller, bare: Caller, demanding: Caller, binding: str
) -> None:
    answers = await refusals(caller, bare, demanding)
    for name, (code, status, word) in EXPECTED.items():
        answer = answers[name]
        assert answer.reason == name
        assert len(answer.error["message"]) > 20
        assert all(detail["@type"] for detail in answer.details)
        assert (answer.details[0]["@type"], answer.details[0]["domain"]) == (ERROR_INFO, "a2a-protocol.org")
        expected = {
            JSONRPC: (200, code, None),
            HTTP_JSON: (status, status, word),
            GRPC: (word, None, word),
        }
        assert (answer.status, answer.error.get("code"), answer.error.get("status")) == expected[binding], name


@obliges("5.7-unknown")
@pytest.mark.parametrize("binding", [JSONRPC, HTTP_JSON])
async def test_unknown_fields_are_ignored(caller: Caller) -> None:
    content = sent("tck-complete-task", somethingNew={"a": 1})
    assert (await caller.call("SendMessage", {**content, "more": 1})).task["status"]["state"] == "TASK_STATE_COMPLETED"


@obliges("5.7-unknown")
async def test_required_fields_are_required(caller: Caller) -> None:
    content = sent("tck-complete-task")
    for name in ("messageId", "role", "parts"):
        lacking = {key: value for key, value in content["message"].items() if key != name}
        answer = await caller.call("SendMessage", {"message": lacking})
        assert (answer.reason, name in answer.error["message"]) == ("INVALID_PARAMS", True)


@obliges("9.1-envelope")
async def test_json_rpc_is_spoken_in_its_envelope(rpc_caller: RpcCaller) -> None:
    for request_id in (0, "seven"):
        envelope = rpc("ListTasks", {}, request_id)
        answer = await rpc_caller.http.post(rpc_caller.url, json=envelope, headers=rpc_caller.headers)
        assert answer.headers["content-type"] == "application/json"
        told = answer.json()
        assert (told["jsonrpc"], told["id"], told.keys()) == ("2.0", request_id, {"jsonrpc", "id", "result"})
    unknown = await rpc_caller.http.post(rpc_caller.url, json=rpc("Nope", {}), headers=rpc_caller.headers)
    assert unknown.json()["error"]["code"] == -32601


@obliges("9.4.2-events")
async def test_json_rpc_streams_whole_answers(rpc_caller: RpcCaller) -> None:
    request = rpc_caller.request("SendStreamingMessage", sent("tck-stream-001"), {})
    response = await rpc_caller.http.send(request, stream=True)
    seen = [frame.data async for frame in frames(response)]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert all((told["jsonrpc"], told["id"]) == ("2.0", 1) for told in seen)
    kinds = [next(iter(told["result"])) for told in seen]
    assert kinds == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]


@obliges("11.7-events")
async def test_http_json_streams_bare_events(rest_caller: RestCaller) -> None:
    request = rest_caller.request("SendStreamingMessage", sent("tck-stream-001"), {})
    response = await rest_caller.http.send(request, stream=True)
    kinds = [next(iter(frame.data)) async for frame in frames(response)]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert kinds == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]


@obliges("11.1-type")
async def test_http_json_has_its_media_type(rest_caller: RestCaller) -> None:
    sent_ = await rest_caller.call("SendMessage", sent("tck-complete-task"), Content_Type="application/a2a+json")
    refused = await rest_caller.call("GetTask", {"id": "none"})
    for answer in (sent_, refused):
        assert answer.headers["content-type"] == "application/a2a+json"


@obliges("11.3-urls")
async def test_each_operation_has_its_url(rest_caller: RestCaller) -> None:
    asked = await rest_caller.send("tck-input-required")
    assert (await rest_caller.call("GetTask", {"id": asked["id"]})).result == asked
    assert (await rest_caller.call("ListTasks", {"contextId": asked["contextId"]})).result["tasks"] == [asked]
    for verb in ("GET", "POST"):  # the specification says POST, its protocol file GET
        url = f"{rest_caller.url}/tasks/{asked['id']}:subscribe"
        async with rest_caller.http.stream(verb, url, headers=rest_caller.headers) as response:
            assert (await anext(frames(response))).data == {"task": asked}
    assert (await rest_caller.call("CancelTask", {"id": asked["id"]})).result["id"] == asked["id"]
    assert (await rest_caller.call("GetExtendedAgentCard")).result["name"] == "conformance-agent"


@obliges("11.5-query")
async def test_queries_are_camel_case_and_encoded(rest_caller: RestCaller, context: str) -> None:
    odd = f"{context} ü&=/?%"
    task = await rest_caller.send("tck-artifact-text", contextId=odd)
    wanted: dict[str, Any] = {
        "contextId": odd,
        "status": "TASK_STATE_COMPLETED",
        "pageSize": 1,
        "historyLength": 0,
        "includeArtifacts": True,
        "statusTimestampAfter": task["status"]["timestamp"],
    }
    (listed,) = (await rest_caller.call("ListTasks", wanted)).result["tasks"]
    assert (listed["id"], listed["artifacts"], "history" in listed) == (task["id"], task["artifacts"], False)


@obliges("9.2-headers", "4.6-activated")
async def test_service_parameters_are_headers(caller: Caller, demanding: Caller, required: str) -> None:
    answer = await demanding.call("SendMessage", sent("a"), A2A_Extensions=f"urn:example:other, {required}")
    assert answer.task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert answer.headers["a2a-extensions"] == required
    assert "a2a-extensions" not in (await caller.call("SendMessage", sent("a"))).headers


@obliges("3.3.4-extensions")
@pytest.mark.parametrize("operation", ["SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "CancelTask"])
async def test_a_required_extension_is_required(demanding: Caller, required: str, operation: str) -> None:
    params = sent("a") if operation.startswith("Send") else {} if operation == "ListTasks" else {"id": "none"}
    for given in ("", "urn:example:other", f"{required}/v2"):
        answer = await demanding.call(operation, params, A2A_Extensions=given)
        assert answer.reason == "EXTENSION_SUPPORT_REQUIRED"
        assert required in answer.error["message"]


@obliges("4.6.3-unknown")
async def test_an_unknown_extension_is_ignored(caller: Caller) -> None:
    answer = await caller.call("SendMessage", sent("a"), A2A_Extensions="urn:crossdock:skill:v999")
    assert answer.task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert "a2a-extensions" not in answer.headers


@obliges("3.6.2-version", "3.6-patch")
async def test_the_version_is_the_one_asked_for(caller: Caller) -> None:
    for version in ("1.0", "1.0.7"):
        assert (await caller.call("SendMessage", sent("a"), A2A_Version=version)).error is None
    for version in ("0.3", "2.0", "0.1", "one"):
        answer = await caller.call("SendMessage", sent("a"), A2A_Version=version)
        assert answer.reason == "VERSION_NOT_SUPPORTED"
