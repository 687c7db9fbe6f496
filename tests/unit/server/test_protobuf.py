"""What protobuf carries and JSON does not is refused, by the field that holds it."""

import pytest
from a2a.types import GetTaskRequest, ListTasksRequest, Message, Part, SendMessageRequest
from a2a.utils.errors import InvalidParamsError, InvalidRequestError
from google.protobuf.struct_pb2 import Value

from crossdock.server import protobuf
from crossdock.server.bodies import MAX_DEPTH, parsed
from crossdock.server.decoding import decode
from crossdock.server.protobuf import received
from tests.support.executors import message


def nested(levels: int) -> Value:
    """A text inside `levels` lists."""
    outer = value = Value()
    for _ in range(levels):
        value = value.list_value.values.add()
    value.string_value = "x"
    return outer


def test_what_fits_is_left_as_it_is() -> None:
    request = message("complete")
    request.message.metadata["a"] = [1, {"b": None}, "c"]
    request.metadata["d"] = True
    request.message.parts.append(Part(data=nested(5)))
    assert received(request.SerializeToString(), SendMessageRequest) == request
    assert received(b"", GetTaskRequest) == GetTaskRequest()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks(number: float) -> None:
    for request in (
        SendMessageRequest(message=Message(parts=[Part(data=Value(number_value=number))])),
        SendMessageRequest(message=Message(metadata={"a": [{"b": number}]})),
    ):
        with pytest.raises(InvalidParamsError, match=r"^message\.(parts\[0\]\.data|metadata) must not hold NaN"):
            received(request.SerializeToString(), SendMessageRequest)


@pytest.mark.parametrize("levels", range(MAX_DEPTH - 8, MAX_DEPTH + 3))
def test_free_json_is_as_deep_as_json_may_be(levels: int) -> None:
    text = b'{"message":{"parts":[{"data":%b"x"%b}]}}' % (b"[" * levels, b"]" * levels)
    try:
        expected = decode(parsed(text), SendMessageRequest())
    except Exception:  # noqa: BLE001 - whatever it is, it is refused
        expected = None
    request = SendMessageRequest(message=Message(parts=[Part(data=nested(levels))]))
    if expected is not None:
        assert received(request.SerializeToString(), SendMessageRequest) == expected
        return
    with pytest.raises(InvalidRequestError, match="nested too deep"):
        received(request.SerializeToString(), SendMessageRequest)


def test_values_are_counted_over_all_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MAX_VALUES", 23)
    request = message()
    for _ in range(2):
        values = request.message.parts.add().data.list_value.values
        values.extend([Value(bool_value=True)] * 9)
    assert received(request.SerializeToString(), SendMessageRequest) == request
    request.message.metadata["one"] = "more"
    with pytest.raises(InvalidRequestError, match=r"more than .* values"):
        received(request.SerializeToString(), SendMessageRequest)
    many = SendMessageRequest(message=Message(reference_task_ids=["x"] * 24))
    with pytest.raises(InvalidRequestError, match=r"more than .* values"):
        received(many.SerializeToString(), SendMessageRequest)


def test_names_and_times_that_do_not_exist() -> None:
    with pytest.raises(InvalidParamsError, match=r"^message\.role must be one of: ROLE_USER, ROLE_AGENT"):
        received(SendMessageRequest(message=Message(role=7)).SerializeToString(), SendMessageRequest)  # type: ignore[arg-type]
    for seconds, nanos in ((2**60, 0), (-(2**60), 0), (0, -1), (0, 10**9)):
        request = ListTasksRequest()
        request.status_timestamp_after.seconds, request.status_timestamp_after.nanos = seconds, nanos
        with pytest.raises(InvalidParamsError, match="statusTimestampAfter must be a time"):
            received(request.SerializeToString(), ListTasksRequest)


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x7f", b"\x12\x02\xff\xff"])
def test_what_is_no_message(body: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="is not a"):
        received(body, GetTaskRequest)
