"""What is refused, and that both bindings say so alike."""

from typing import Any

import httpx
import pytest
from a2a.types import (
    TaskState,
)

from crossdock.extensions import SKILL
from tests.support.obligations import obliges
from tests.support.system import Agent, System
from tests.support.wire import body, rpc

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = TaskState.TASK_STATE_COMPLETED


NOT_FOUND = ("TASK_NOT_FOUND", -32001, 404)
NO_PUSH = ("PUSH_NOTIFICATION_NOT_SUPPORTED", -32003, 400)
UNSUPPORTED = ("UNSUPPORTED_OPERATION", -32004, 400)
INVALID = ("INVALID_PARAMS", -32602, 400)
CONFIG = {"url": "https://example.com/hook", "id": "c"}
PRIVATE = {"url": "https://127.0.0.1/hook"}

# Each case: what is wrong, the RPC method and its parameters, HTTP+JSON's verb, path and content, what both answer.
# `{task}` stands for the id of a task that has ended.
CASES: list[tuple[str, str, dict[str, Any], str, str, Any, tuple[str, int, int]]] = [
    ("get unknown", "GetTask", {"id": "no"}, "GET", "/tasks/no", None, NOT_FOUND),
    ("cancel unknown", "CancelTask", {"id": "no"}, "POST", "/tasks/no:cancel", {}, NOT_FOUND),
    ("cancel ended", "CancelTask", {"id": "{task}"}, "POST", "/tasks/{task}:cancel", {},
     ("TASK_NOT_CANCELABLE", -32002, 400)),
    ("subscribe unknown", "SubscribeToTask", {"id": "no"}, "POST", "/tasks/no:subscribe", {}, NOT_FOUND),
    ("subscribe ended", "SubscribeToTask", {"id": "{task}"}, "POST", "/tasks/{task}:subscribe", {}, UNSUPPORTED),
    ("send to unknown", "SendMessage", body(taskId="no"), "POST", "/message:send", body(taskId="no"), NOT_FOUND),
    ("send to ended", "SendMessage", body(taskId="{task}"), "POST", "/message:send", body(taskId="{task}"),
     UNSUPPORTED),
    ("stream to unknown", "SendStreamingMessage", body(taskId="no"), "POST", "/message:stream", body(taskId="no"),
     NOT_FOUND),
    ("stream to ended", "SendStreamingMessage", body(taskId="{task}"), "POST", "/message:stream",
     body(taskId="{task}"), UNSUPPORTED),
    ("no parts", "SendMessage", body(parts=[]), "POST", "/message:send", body(parts=[]), INVALID),
    ("an empty part", "SendMessage", body(parts=[{}]), "POST", "/message:send", body(parts=[{}]), INVALID),
    ("no role", "SendMessage", body(role=""), "POST", "/message:send", body(role=""), INVALID),
    ("no message id", "SendMessage", body(messageId=""), "POST", "/message:send", body(messageId=""), INVALID),
    ("page size", "ListTasks", {"pageSize": 101}, "GET", "/tasks?pageSize=101", None, INVALID),
    ("page token", "ListTasks", {"pageToken": "x"}, "GET", "/tasks?pageToken=x", None, INVALID),
    ("number", "ListTasks", {"pageToken": "MV8wMDA6eA"}, "GET", "/tasks?pageToken=MV8wMDA6eA", None, INVALID),
    ("history length", "GetTask", {"id": "{task}", "historyLength": -1}, "GET", "/tasks/{task}?historyLength=-1", None,
     INVALID),
    ("create push", "CreateTaskPushNotificationConfig", {"taskId": "{task}", **CONFIG}, "POST",
     "/tasks/{task}/pushNotificationConfigs", CONFIG, NO_PUSH),
    ("get push", "GetTaskPushNotificationConfig", {"taskId": "{task}", "id": "c"}, "GET",
     "/tasks/{task}/pushNotificationConfigs/c", None, NO_PUSH),
    ("list push", "ListTaskPushNotificationConfigs", {"taskId": "{task}"}, "GET",
     "/tasks/{task}/pushNotificationConfigs", None, NO_PUSH),
    ("delete push", "DeleteTaskPushNotificationConfig", {"taskId": "{task}", "id": "c"}, "DELETE",
     "/tasks/{task}/pushNotificationConfigs/c", None, NO_PUSH),
    ("push of an unknown task", "CreateTaskPushNotificationConfig", {"taskId": "no", **CONFIG}, "POST",
     "/tasks/no/pushNotificationConfigs", CONFIG, NOT_FOUND),
    ("an unknown push", "GetTaskPushNotificationConfig", {"taskId": "{task}", "id": "none"}, "GET",
     "/tasks/{task}/pushNotificationConfigs/none", None, NOT_FOUND),
    ("pushes of an unknown task", "ListTaskPushNotificationConfigs", {"taskId": "no"}, "GET",
     "/tasks/no/pushNotificationConfigs", None, NOT_FOUND),
    ("no push of an unknown task", "DeleteTaskPushNotificationConfig", {"taskId": "no", "id": "c"}, "DELETE",
     "/tasks/no/pushNotificationConfigs/c", None, NOT_FOUND),
    ("push to nowhere", "CreateTaskPushNotificationConfig", {"taskId": "{task}"}, "POST",
     "/tasks/{task}/pushNotificationConfigs", {}, INVALID),
    ("push to a private address", "CreateTaskPushNotificationConfig", {"taskId": "{task}", **PRIVATE}, "POST",
     "/tasks/{task}/pushNotificationConfigs", PRIVATE, INVALID),
    ("push to a private address in a send", "SendMessage",
     {**body(), "configuration": {"taskPushNotificationConfig": PRIVATE}}, "POST", "/message:send",
     {**body(), "configuration": {"taskPushNotificationConfig": PRIVATE}}, INVALID),
    ("a state that does not exist", "ListTasks", {"status": "FOO"}, "GET", "/tasks?status=FOO", None, INVALID),
    ("a size that is no number", "ListTasks", {"pageSize": "abc"}, "GET", "/tasks?pageSize=abc", None, INVALID),
    ("a time that is none", "ListTasks", {"statusTimestampAfter": "now"}, "GET", "/tasks?statusTimestampAfter=now",
     None, INVALID),
    ("a message that is none", "SendMessage", {"message": 5}, "POST", "/message:send", {"message": 5}, INVALID),
    ("a file that is no base64", "SendMessage", body(parts=[{"raw": "!!!"}]), "POST", "/message:send",
     body(parts=[{"raw": "!!!"}]), INVALID),
    ("a file that is no text", "SendMessage", body(parts=[{"raw": 5}]), "POST", "/message:send",
     body(parts=[{"raw": 5}]), INVALID),
    ("two contents", "SendMessage", body(parts=[{"text": "a", "url": "b"}]), "POST", "/message:send",
     body(parts=[{"text": "a", "url": "b"}]), INVALID),
    ("in the agent's name", "SendMessage", body(role="ROLE_AGENT"), "POST", "/message:send", body(role="ROLE_AGENT"),
     INVALID),
    ("nothing in a stream", "SendStreamingMessage", {}, "POST", "/message:stream", {}, INVALID),
    ("push in a send", "SendMessage", {**body(), "configuration": {"taskPushNotificationConfig": CONFIG}}, "POST",
     "/message:send", {**body(), "configuration": {"taskPushNotificationConfig": CONFIG}}, NO_PUSH),
]  # fmt: skip


def put(value: Any, task_id: str) -> Any:
    """`value` with the task's id in the place of `{task}`."""
    if isinstance(value, dict):
        return {key: put(item, task_id) for key, item in value.items()}
    return value.replace("{task}", task_id) if isinstance(value, str) else value


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
@obliges("5.1-equal", "5.4-codes")
async def test_both_bindings_answer_alike(crossdock: System, agent: Agent, case: tuple[Any, ...]) -> None:
    _, method, params, verb, path, content, (reason, code, status) = case
    if case[-1] == NO_PUSH:
        agent = await crossdock.agent(push_notifications=False)
    http, headers = crossdock.http(), await crossdock.headers()
    done = (await http.post(f"{agent.url}/message:send", json=body(), headers=headers)).json()["task"]["id"]
    by_rpc = await http.post(agent.url, json=rpc(method, put(params, done)), headers=headers)
    by_rest = await http.request(verb, agent.url + put(path, done), json=put(content, done), headers=headers)
    rpc_error, rest_error = by_rpc.json()["error"], by_rest.json()["error"]
    assert (by_rpc.status_code, rpc_error["code"]) == (200, code)
    assert (by_rest.status_code, rest_error["code"]) == (status, status)
    assert rpc_error["message"] == rest_error["message"]
    assert rpc_error["data"] == rest_error["details"]
    assert rpc_error["data"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "a2a-protocol.org",
        "metadata": rpc_error["data"][0]["metadata"],
    }


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"message": 5}, "message must hold fields: {...}."),
        (body(parts=[{"text": "a"}, {"raw": "!!!"}]), "message.parts[1].raw must be base64 text."),
        (body(role="user"), "message.role must be one of: ROLE_USER, ROLE_AGENT."),
        (body(role="ROLE_AGENT"), "message.role must be ROLE_USER: as ROLE_AGENT only the agent speaks."),
        (body(parts=[{}]), "message.parts[0] is empty: give it text, data, raw or url."),
        ({**body(), "configuration": {"historyLength": -1}}, "configuration.historyLength must be 0 or more."),
        (body(messageId=""), "message.messageId: required, but not given."),
        ({**body(), "configuration": {"historyLength": "x"}},
         "configuration.historyLength must be a whole number."),
    ],
)  # fmt: skip
@obliges("3.3.2-validated")
async def test_the_field_is_named_and_what_it_must_be(
    crossdock: System, agent: Agent, params: dict[str, Any], text: str
) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    by_rpc = (await http.post(agent.url, json=rpc("SendMessage", params), headers=headers)).json()["error"]
    by_rest = (await http.post(f"{agent.url}/message:send", json=params, headers=headers)).json()["error"]
    assert (by_rpc["message"], by_rest["message"]) == (text, text)


async def test_a_task_that_is_not_found_says_what_to_do(crossdock: System, agent: Agent) -> None:
    answer = await crossdock.http().get(f"{agent.url}/tasks/no", headers=await crossdock.headers())
    assert "list your tasks" in answer.json()["error"]["message"]


@pytest.mark.parametrize("version", ["", "0.3", "2.0", "x"])
async def test_another_version_is_refused_on_methods_of_1_0(crossdock: System, agent: Agent, version: str) -> None:
    http, headers = crossdock.http(), await crossdock.headers(version=version)
    by_rpc = await http.post(agent.url, json=rpc("SendMessage", body()), headers=headers)
    by_rest = await http.post(f"{agent.url}/message:send", json=body(), headers=headers)
    assert by_rpc.json()["error"]["code"] == -32009
    assert by_rest.status_code == httpx.codes.BAD_REQUEST
    assert by_rest.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"


async def test_a_method_of_0_3_is_refused_in_1_0(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    by_rpc = (await http.post(agent.url, json=rpc("message/send", body()), headers=headers)).json()["error"]
    by_rest = await http.post(f"{agent.url}/v1/message:send", json=body(), headers=headers)
    assert by_rpc["code"] == -32009
    assert by_rest.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
    for text in (by_rpc["message"], by_rest.json()["error"]["message"]):
        assert "A2A-Version: 0.3" in text


async def test_the_version_may_stand_in_the_query(crossdock: System, agent: Agent) -> None:
    headers = {"Authorization": (await crossdock.headers())["Authorization"]}
    listed = await crossdock.http().get(f"{agent.url}/tasks?A2A-Version=1.0", headers=headers)
    assert listed.status_code == httpx.codes.OK


async def test_a_patch_number_does_not_count(crossdock: System, agent: Agent) -> None:
    headers = await crossdock.headers(version="1.0.7")
    answer = await crossdock.http().post(f"{agent.url}/message:send", json=body(), headers=headers)
    assert answer.status_code == httpx.codes.OK


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "Nope", "params": {}}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "message/nope", "params": {}}', -32601),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}]', -32600),
        (b"[]", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}', -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "GetTask", "params": {"id": "x"}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "params": {"id": "x"}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": 7}}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {}}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask"}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": []}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": "x"}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": null}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": ' + b"[" * 99 + b"]" * 99 + b"}}", -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5, "params": {}}', -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "GetTask", "params": {}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1.5, "method": "GetTask", "params": {}}', -32600),
        (b'"x"', -32600),
    ],
)
@obliges("9.1-envelope")
async def test_requests_that_are_no_json_rpc(crossdock: System, agent: Agent, content: bytes, code: int) -> None:
    answer = await crossdock.http().post(agent.url, content=content, headers=await crossdock.headers())
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, code)


async def test_the_answer_carries_the_requests_id(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    for request_id in (0, 7, "seven"):
        for path in ("/", "/rpc"):
            answer = await http.post(agent.url + path, json=rpc("ListTasks", {}, request_id), headers=headers)
            assert answer.json()["id"] == request_id


@obliges("5.7-unknown")
async def test_unknown_fields_are_ignored(crossdock: System, agent: Agent) -> None:
    content = {**body(), "somethingNew": {"a": 1}}
    for path, sent in (("/", rpc("SendMessage", content)), ("/message:send", content)):
        answer = await crossdock.http().post(agent.url + path, json=sent, headers=await crossdock.headers())
        assert answer.status_code == httpx.codes.OK
        assert "error" not in answer.json()


async def test_a_path_that_nothing_serves_is_a_readable_404(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    for verb, path, status in [
        ("GET", "/nothing", 404),
        ("POST", "/message:send/", 404),
        ("GET", "/acme/nothing", 404),
        ("PUT", "/tasks", 405),
        ("GET", "/rpc", 405),
    ]:
        answer = await http.request(verb, agent.url + path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, status), path


async def test_extensions_that_are_activated_are_told(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    headers["A2A-Extensions"] = f"urn:example:unknown, {SKILL}"
    for path, content in (("/", rpc("SendMessage", body())), ("/message:send", body()), ("/message:stream", body())):
        answer = await http.post(agent.url + path, json=content, headers=headers)
        assert answer.headers["A2A-Extensions"] == SKILL
        assert "A2A-Extensions" not in (await http.get(f"{agent.url}/tasks")).headers


async def test_the_tenant_is_checked_wherever_it_stands(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    for tenant, status in (("acme", 200), ("globex", 403)):
        content = {**body(), "tenant": tenant}
        for path, sent in (
            ("/", rpc("SendMessage", content)),
            ("/message:send", content),
            (f"/{tenant}/message:send", body()),
        ):
            assert (await http.post(agent.url + path, json=sent, headers=headers)).status_code == status, path
