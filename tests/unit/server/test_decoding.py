"""JSON into A2A's messages: what fits is read as protobuf's own reader would, what does not is named by its field."""

import base64
import json
from typing import Any

import pytest
from a2a.types import (
    AgentCard,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    Part,
    Role,
    SendMessageRequest,
    Task,
    TaskState,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import InvalidParamsError
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from crossdock.server.decoding import decode, from_query, require
from crossdock.server.encoding import encode, encode_choice, encode_page
from tests.support.system import puppet_card

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(st.text(), values, max_size=3)
parts = st.one_of(
    st.fixed_dictionaries({"text": st.text()}, optional={"metadata": objects}),
    st.fixed_dictionaries({"data": values}, optional={"mediaType": st.text()}),
    st.fixed_dictionaries({"raw": st.binary().map(lambda raw: base64.b64encode(raw).decode())}),
    st.fixed_dictionaries({"url": st.text(), "filename": st.text()}),
)
messages = st.fixed_dictionaries(
    {"messageId": st.text(), "role": st.sampled_from(["ROLE_USER", "ROLE_AGENT", 1]), "parts": st.lists(parts)},
    optional={
        "metadata": objects,
        "referenceTaskIds": st.lists(st.text()),
        "somethingNew": values,
        "taskId": st.none(),
    },
)
requests = st.fixed_dictionaries(
    {"message": messages},
    optional={
        "configuration": st.fixed_dictionaries(
            {},
            optional={
                "historyLength": st.integers(-5, 5) | st.just("7") | st.just(3.0),
                "returnImmediately": st.booleans(),
            },
        ),
        "metadata": objects,
        "tenant": st.text(),
    },
)


@given(requests)
def test_good_json_is_read_as_protobuf_reads_it(value: dict[str, Any]) -> None:
    expected = ParseDict(value, SendMessageRequest(), ignore_unknown_fields=True)
    assert decode(value, SendMessageRequest()) == expected


@given(requests)
def test_messages_are_written_as_protobuf_writes_them(value: dict[str, Any]) -> None:
    message = decode(value, SendMessageRequest()).message
    task = Task(id="t", history=[message], metadata=message.metadata)
    task.status.state = TaskState.TASK_STATE_WORKING
    task.status.timestamp.GetCurrentTime()
    task.artifacts.add(artifact_id="a", parts=message.parts)
    assert json.loads(encode(task)) == MessageToDict(task)


def test_cards_events_and_pages_are_written_too() -> None:
    card = puppet_card("http://agent.test")
    assert json.loads(encode(card)) == MessageToDict(card)
    assert ParseDict(json.loads(encode(card)), AgentCard()) == card
    event = TaskStatusUpdateEvent(task_id="t")
    assert json.loads(encode_choice(event)) == {"statusUpdate": {"taskId": "t"}}
    assert json.loads(encode_page(ListTasksResponse(page_size=5))) == {
        "tasks": [],
        "nextPageToken": "",
        "pageSize": 5,
        "totalSize": 0,
    }


RAW = bytes(range(256)) * 2
STANDARD, URL_SAFE = base64.b64encode(RAW).decode(), base64.urlsafe_b64encode(RAW).decode()


@pytest.mark.parametrize(
    "text", [STANDARD, URL_SAFE, STANDARD.rstrip("="), URL_SAFE.rstrip("="), f"{STANDARD[:76]}\r\n{STANDARD[76:]}\n"]
)
def test_base64_comes_in_several_dresses(text: str) -> None:
    assert decode({"raw": text}, Part()).raw == RAW


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "params must hold fields: {...}."),
        ({"message": 5}, "message must hold fields: {...}."),
        ({"message": {"messageId": 5}}, "message.messageId must be a string."),
        ({"message": {"message_id": 5}}, "message.messageId must be a string."),
        ({"message": {"role": "user"}}, "message.role must be one of: ROLE_USER, ROLE_AGENT."),
        *(
            ({"message": {"role": number}}, "message.role must be one of: ROLE_USER, ROLE_AGENT.")
            for number in (2**31, 2**32 + 1, -(2**63), 10**30, 1e30)
        ),
        ({"message": {"role": 7}}, "message.role must be one of: ROLE_USER, ROLE_AGENT."),
        ({"message": {"role": True}}, "message.role must be one of: ROLE_USER, ROLE_AGENT."),
        ({"message": {"parts": {}}}, "message.parts must be a list: [...]."),
        ({"message": {"parts": [None]}}, "message.parts[0] must hold fields: {...}."),
        ({"message": {"parts": [{"text": "a"}, {"raw": 5}]}}, "message.parts[1].raw must be base64 text."),
        ({"message": {"parts": [{"raw": "!!!"}]}}, "message.parts[0].raw must be base64 text."),
        ({"message": {"parts": [{"raw": "YQ==YQ=="}]}}, "message.parts[0].raw must be base64 text."),
        ({"message": {"parts": [{"raw": "ü"}]}}, "message.parts[0].raw must be base64 text."),
        (
            {"message": {"parts": [{"text": "a", "raw": ""}]}},
            "message.parts[0].raw must not be given beside text: choose one.",
        ),
        ({"message": {"metadata": []}}, "message.metadata must hold fields: {...}."),
        ({"message": {"referenceTaskIds": [1]}}, "message.referenceTaskIds[0] must be a string."),
        ({"configuration": {"returnImmediately": "yes"}}, "configuration.returnImmediately must be true or false."),
        (
            {"configuration": {"historyLength": 2**31}},
            "configuration.historyLength must be from -2147483648 to 2147483647.",
        ),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(value: Any, text: str) -> None:
    with pytest.raises(InvalidParamsError) as caught:
        decode(value, SendMessageRequest())
    assert str(caught.value) == text


def test_a_query_is_read_by_the_types_of_its_fields() -> None:
    query = {"pageSize": "5", "includeArtifacts": "True", "contextId": "true", "status": "", "other": "1"}
    wanted = from_query(query, ListTasksRequest())
    assert (wanted.page_size, wanted.include_artifacts, wanted.context_id, wanted.status) == (5, True, "true", 0)
    for name, text in [
        ("pageSize", "abc"),
        ("includeArtifacts", "maybe"),
        ("status", "FOO"),
        ("statusTimestampAfter", "yesterday"),
    ]:
        with pytest.raises(InvalidParamsError, match=f"^{name} must be "):
            from_query({name: text}, ListTasksRequest())


def test_required_fields_are_named_and_free_json_is_not_searched() -> None:
    with pytest.raises(InvalidParamsError, match=r"^message: required"):
        require(SendMessageRequest())
    lacking = SendMessageRequest(message=Message(role=Role.ROLE_USER))
    with pytest.raises(InvalidParamsError, match=r"^message\.messageId, message\.parts: required"):
        require(lacking)
    lacking.message.message_id = "m"
    lacking.message.parts.add(text="a").metadata.update({"id": ""})
    require(lacking)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00.123Z",
        "1969-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59.000Z",
        "2026-01-31T12:00:00.123456789Z",
    ],
)
def test_times_are_read_as_protobuf_reads_them(text: str) -> None:
    read = decode({"statusTimestampAfter": text}, ListTasksRequest())
    assert read == ParseDict({"statusTimestampAfter": text}, ListTasksRequest())


@pytest.mark.parametrize("text", ["2026-02-30T12:00:00.123Z", "0000-01-01T00:00:00.000Z", "2026-01-31 12:00:00.123Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidParamsError, match="must be a time"):
        decode({"statusTimestampAfter": text}, ListTasksRequest())
