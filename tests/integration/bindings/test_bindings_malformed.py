"""Whatever a caller sends, the answer is about the request: never a server error, and never our own insides."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossdock.cards.building import RPC_PATHS
from tests.support.obligations import obliges
from tests.support.system import Agent, System
from tests.support.wire import body, rpc

pytestmark = pytest.mark.asyncio(loop_scope="module")
INSIDES = [
    *("Traceback", 'File "', "site-packages", "codec", "recursion", "sys.", "Expecting", "literal", "protobuf"),
    *("Struct", "object", "NoneType", "google.", "pydantic", "unhashable", "invalid ", "argument"),
]
RPC_CODES = {-32700, -32600, -32601, -32602, -32040, *range(-32009, -32000)}
REST_CODES = {400, 403, 404}


def insides(error: dict[str, Any]) -> list[str]:
    """Our own words in what a caller reads; the types of details are named after google.rpc by the specification."""
    details = error.get("details", error.get("data", []))
    violations = [item for detail in details if isinstance(detail, dict) for item in detail.get("fieldViolations", [])]
    told = json.dumps([error["message"], violations])
    return [word for word in INSIDES if word in told]


def nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "1" + closing * depth


def with_data(data: str) -> str:
    return json.dumps(body(parts=[{"text": "complete"}, {"data": "?"}])).replace('"?"', data)


MALFORMED = {
    "no utf-8": b'{"message": "\xff"}',
    "utf-16": '{"message": {}}'.encode("utf-16"),
    "cut": b'{"message": {"messageId": "m",',
    "null": b"null",
    "a number": b"1",
    "a text": b'"a"',
    "an array": b"[1]",
    "deep": nested('{"a":', "}", 100_000).encode(),
    "deep data": with_data(nested("[", "]", 100)).encode(),
    "data deeper than protobuf reads": with_data(nested('{"a":', "}", 33)).encode(),
    "more values than memory is kept for": with_data("[" + "0," * 1_000_000 + "0]").encode(),
    "NaN": with_data("NaN").encode(),
    "Infinity": with_data("[-Infinity]").encode(),
    "a float too large": with_data("1e999").encode(),
    "an integer too large": with_data("9" * 400).encode(),
    "an integer of many digits": with_data("9" * 5000).encode(),
    "half a character": b'{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"\\ud800"}]}}',
    "half a character as a key": with_data('{"\\udfff": 1}').encode(),
}


MESSAGES: dict[str, dict[str, Any]] = {
    "1.0": body()["message"],
    "0.3": {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "complete"}], "kind": "message"},
    "0.3 over HTTP": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "complete"}]},
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
async def test_a_body_that_cannot_be_carried_is_refused(crossdock: System, agent: Agent, content: bytes) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    for path in ("/message:send", "/message:stream"):
        answer = await http.post(agent.url + path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)
        assert not insides(answer.json()["error"])
    enveloped = b'{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":' + content + b"}"
    answer = await http.post(agent.url, content=enveloped, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) in {(200, -32700), (200, -32602), (200, -32600)}
    assert not insides(answer.json()["error"])


@pytest.mark.parametrize(
    ("version", "method", "params"),
    [
        ("1.0", "SendMessage", body()),
        ("1.0", "SendStreamingMessage", body()),
        ("0.3", "message/send", {"message": MESSAGES["0.3"]}),
        ("0.3", "message/stream", {"message": MESSAGES["0.3"]}),
    ],
)
@obliges("9.1-envelope")
async def test_a_notification_makes_no_task(
    crossdock: System, fresh: Agent, version: str, method: str, params: dict[str, Any]
) -> None:
    """JSON-RPC calls a request without an id so, and forbids an answer: nobody would hear of its task."""
    content = {"jsonrpc": "2.0", "method": method, "params": params}
    sent = await crossdock.headers(version=version)
    answer = (await crossdock.http().post(fresh.url, json=content, headers=sent)).json()
    assert (answer["id"], answer["error"]["code"]) == (None, -32600)
    assert "id is missing" in answer["error"]["message"]
    assert not fresh.work.requests
    listed = await crossdock.http().post(fresh.url, json=rpc("ListTasks", {}), headers=await crossdock.headers())
    assert listed.json()["result"]["totalSize"] == 0


async def test_half_a_character_as_an_id_is_refused(crossdock: System, agent: Agent) -> None:
    content = b'{"jsonrpc":"2.0","id":"\\ud800","method":"ListTasks","params":{}}'
    answer = await crossdock.http().post(agent.url, content=content, headers=await crossdock.headers())
    assert answer.json()["error"]["code"] == -32700


async def test_nothing_that_was_taken_spoils_a_list(crossdock: System, agent: Agent) -> None:
    http, headers = crossdock.http(), await crossdock.headers()
    for data in ('"NaN"', "1e308", "[]", '"\\ud83d\\ude00"', '"\\\\ud800"', '"\\u0000"', nested('{"a":', "}", 25)):
        taken = await http.post(f"{agent.url}/message:send", content=with_data(data), headers=headers)
        assert taken.status_code == httpx.codes.OK, data
    assert (await http.get(f"{agent.url}/tasks", headers=headers)).status_code == httpx.codes.OK


BEYOND = [2**31, -(2**31) - 1, 2**32 + 1, 2**53 + 1, 2**63, -(2**63), 2**64, 10**30, 1e30, -1e308, 0.5]
"""Numbers that no field of A2A holds: past 32 bits, past 64, past what a double holds exactly, and no whole one."""


def sent_with(dress: str, field: str, number: float) -> dict[str, Any]:
    """A good message but for one field, which is the message's or the configuration's."""
    place, name = field.split(".")
    sent: dict[str, Any] = {"message": dict(MESSAGES[dress]), "configuration": {}}
    sent[place][name] = number
    return sent


@pytest.mark.parametrize("number", BEYOND)
async def test_a_number_beyond_its_field_is_refused_by_the_fields_name(
    crossdock: System, agent: Agent, number: float
) -> None:
    http = crossdock.http()

    async def refused(version: str, field: str, path: str, content: dict[str, Any]) -> None:
        sent = await crossdock.headers(version=version)
        answer = await http.post(agent.url + path, json=content, headers=sent)
        error = answer.json()["error"]
        assert error["code"] == (-32602 if path in RPC_PATHS else 400), (path, content)
        assert field in error["message"]
        assert not insides(error)

    for field in ("message.role", "configuration.historyLength"):
        for method in ("SendMessage", "SendStreamingMessage"):
            await refused("1.0", field, "/", rpc(method, sent_with("1.0", field, number)))
        await refused("0.3", field, "/", rpc("message/send", sent_with("0.3", field, number)))
        for path in ("/message:send", "/message:stream"):
            await refused("1.0", field, path, sent_with("1.0", field, number))
            await refused("0.3", field, f"/v1{path}", sent_with("0.3 over HTTP", field, number))
    for field in ("pageSize", "historyLength", "status"):
        await refused("1.0", field, "/", rpc("ListTasks", {field: number}))
    for version, method in (("1.0", "GetTask"), ("0.3", "tasks/get")):
        await refused(version, "historyLength", "/", rpc(method, {"id": "x", "historyLength": number}))


@pytest.mark.parametrize("number", BEYOND)
@pytest.mark.parametrize(
    ("version", "path", "field"),
    [
        *(("1.0", "/tasks", field) for field in ("pageSize", "historyLength", "status")),
        ("1.0", "/tasks/x", "historyLength"),
        ("0.3", "/v1/tasks/x", "historyLength"),
    ],
)
async def test_a_number_beyond_its_field_is_refused_in_a_query(
    crossdock: System, agent: Agent, version: str, path: str, field: str, number: float
) -> None:
    sent = await crossdock.headers(version=version)
    answer = await crossdock.http().get(agent.url + path, params={field: str(number)}, headers=sent)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["message"]


beyond = st.sampled_from(BEYOND)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | beyond | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
texts = st.just("complete") | st.text(st.characters(), max_size=8).map("complete {}".format)
parts = st.fixed_dictionaries(
    {},
    optional={
        "text": texts | values,
        "data": values,
        "raw": st.text(max_size=8) | values,
        "url": st.text(max_size=20).map("http://127.0.0.1:1/{}".format) | values,
        "filename": st.text(max_size=8) | values,
        "mediaType": st.sampled_from(["text/plain", "text/csv", "[", ""]) | values,
        "metadata": values,
        "kind": st.sampled_from(["text", "data", "file"]),
    },
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "messageId": st.just("m") | values,
        "role": st.sampled_from(["ROLE_USER", "ROLE_AGENT", "user", "agent"]) | beyond | values,
        "parts": st.lists(parts | values, max_size=3) | values,
        "contextId": st.text(max_size=4) | values,
        "taskId": values,
        "referenceTaskIds": st.lists(values, max_size=2) | values,
        "extensions": values,
        "metadata": st.dictionaries(st.just("urn:crossdock:skill:v1") | st.text(max_size=4), values, max_size=2)
        | values,
        "kind": st.just("message"),
    },
)
params = st.fixed_dictionaries(
    {},
    optional={
        "message": messages | values,
        "configuration": st.fixed_dictionaries(
            {}, optional={"historyLength": beyond | values, "returnImmediately": values, "acceptedOutputModes": values}
        )
        | values,
        "metadata": values,
        "tenant": st.just("acme") | values,
        "id": values,
        "historyLength": beyond | values,
        "pageSize": beyond | values,
        "pageToken": values,
        "status": beyond | values,
        "statusTimestampAfter": values,
    },
)
methods = st.sampled_from(
    [
        *("SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "CancelTask", "SubscribeToTask"),
        *("message/send", "message/stream", "tasks/get", "tasks/cancel", "tasks/resubscribe"),
        *("tasks/pushNotificationConfig/set", "agent/getAuthenticatedExtendedCard"),
    ]
)
envelopes = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": methods, "id": st.integers(0, 9)},
    optional={"params": params | values},
) | st.fixed_dictionaries({}, optional={"jsonrpc": values, "method": values, "id": values, "params": values})
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(str.strip)
headers = st.fixed_dictionaries(
    {"a2a-version": st.sampled_from(["1.0", "1.0", "0.3", ""]) | words},
    optional={
        "last-event-id": st.sampled_from(["1", "3"]) | words,
        "crossdock-hops": st.just("1") | words,
        "crossdock-timeout": st.just("5") | words,
        "a2a-extensions": words,
        "content-type": st.just("application/json") | words,
        "accept": words,
        "traceparent": words,
        "if-none-match": words,
        "if-modified-since": words,
    },
)
requests = st.one_of(
    st.tuples(st.sampled_from(["/", "/rpc"]), envelopes | params),
    st.tuples(st.sampled_from(["/message:send", "/message:stream", "/v1/message:send", "/v1/message:stream"]), params),
).map(lambda pair: (pair[0], json.dumps(pair[1]).encode()))
raw_requests = st.tuples(st.sampled_from(["/", "/message:send", "/message:stream"]), st.binary(max_size=40))


async def answered(crossdock: System, agent: Agent, path: str, content: bytes, sent: dict[str, str]) -> httpx.Response:
    authorization = {"Authorization": (await crossdock.headers())["Authorization"]}
    answer = await crossdock.http().post(agent.url + path, content=content, headers={**sent, **authorization})
    assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
    assert "(error " not in answer.text  # how an unexpected error is told
    return answer


FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(request=requests | raw_requests, sent=headers)
@obliges("3.3.2-validated")
async def test_no_request_is_a_server_error(
    crossdock: System, agent: Agent, request: tuple[str, bytes], sent: dict[str, str]
) -> None:
    answer = await answered(crossdock, agent, *request, sent)
    if "json" in answer.headers["content-type"] and (error := answer.json().get("error")):
        assert error["code"] in (RPC_CODES if request[0] in RPC_PATHS else REST_CODES)
        assert error["message"]
        assert not insides(error)


queries = st.dictionaries(
    st.sampled_from(["pageSize", "pageToken", "status", "statusTimestampAfter", "historyLength", "contextId"])
    | st.sampled_from(["includeArtifacts", "tenant"])
    | words,
    st.sampled_from(["1", "true", "TASK_STATE_FAILED", "2026-01-01T00:00:00Z"]) | beyond.map(str) | st.text(max_size=8),
    max_size=4,
)


@FUZZ
@given(
    query=queries, sent=headers, path=st.sampled_from(["/tasks", "/tasks/x", "/acme/tasks", "/.well-known/agent.json"])
)
@obliges("3.3.2-validated")
async def test_no_query_is_a_server_error(
    crossdock: System, agent: Agent, query: dict[str, str], sent: dict[str, str], path: str
) -> None:
    authorization = {"Authorization": (await crossdock.headers())["Authorization"]}
    answer = await crossdock.http().get(agent.url + path, params=query, headers={**sent, **authorization})
    assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
    if answer.is_error:
        assert answer.json()["error"]["code"] in REST_CODES
        assert not insides(answer.json()["error"])


async def test_the_agent_still_works(crossdock: System, agent: Agent) -> None:
    http, sent = crossdock.http(), await crossdock.headers()
    assert (await http.post(agent.url, json=rpc("SendMessage", body()), headers=sent)).json()["result"]["task"]
    listed: Any = (await http.get(f"{agent.url}/tasks?pageSize=100", headers=sent)).json()
    assert listed["totalSize"] > 0
