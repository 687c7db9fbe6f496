"""The table of errors: every error of ours has its place in it, and what is unexpected stays inside."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from a2a.server.context import ServerCallContext
from a2a.utils.errors import A2AError, InvalidParamsError, TaskNotCancelableError
from google.protobuf.json_format import MessageToDict
from google.rpc.code_pb2 import Code
from structlog.testing import capture_logs

from crossdock import errors
from crossdock.server.bodies import NotJson
from crossdock.server.call import CALL, Call
from crossdock.server.faults import LARGEST_STATUS, Guard, as_a2a, grpc_error, guarded, rest_error, rpc_error
from crossdock.tasks.journal import KeyReused, TaskEnded, TaskUnknown

TABLE: list[tuple[Exception, str, int, int]] = [
    (errors.Rejected("change it"), "INVALID_PARAMS", -32602, 400),
    (NotJson("send JSON"), "INVALID_REQUEST", -32700, 400),
    (errors.Failed("could not"), "INVALID_PARAMS", -32602, 400),
    (errors.Forbidden("no role"), "PERMISSION_DENIED", -32040, 403),
    (errors.Unauthenticated("no token"), "PERMISSION_DENIED", -32040, 403),
    (errors.TryLater("busy", 2.0), "UNAVAILABLE", -32050, 503),
    (errors.Unreachable("other-agent", 2.0), "UNAVAILABLE", -32050, 503),
    (errors.RateLimited("too many", 2.0), "RATE_LIMITED", -32044, 429),
    (KeyReused("k"), "IDEMPOTENCY_KEY_REUSED", -32041, 409),
    (TaskUnknown("t"), "TASK_NOT_FOUND", -32001, 404),
    (TaskNotCancelableError("ended"), "TASK_NOT_CANCELABLE", -32002, 400),
    (RuntimeError("hunter2"), "INTERNAL_ERROR", -32603, 500),
    (TaskEnded("t"), "INTERNAL_ERROR", -32603, 500),
    (errors.ConfigError("hunter2"), "INTERNAL_ERROR", -32603, 500),
]


@pytest.mark.parametrize(("error", "reason", "code", "status"), TABLE, ids=[type(row[0]).__name__ for row in TABLE])
def test_every_error_has_its_place(error: Exception, reason: str, code: int, status: int) -> None:
    told = as_a2a(error)
    by_rest, by_rpc = rest_error(told), rpc_error(told)
    assert (by_rest["code"], by_rpc["code"]) == (status, code)
    assert by_rest["message"] == by_rpc["message"]
    assert by_rest["details"] == by_rpc["data"]
    assert by_rest["details"][0]["reason"] == reason


@pytest.mark.parametrize("error", [row[0] for row in TABLE], ids=[type(row[0]).__name__ for row in TABLE])
def test_grpc_has_the_same_names(error: Exception) -> None:
    told = as_a2a(error)
    by_rest, by_grpc = rest_error(told), MessageToDict(grpc_error(told))
    assert by_grpc["code"] == Code.Value(by_rest["status"])
    assert by_grpc["message"] == by_rest["message"]
    assert by_grpc["details"][0] == {name: value for name, value in by_rest["details"][0].items() if value}
    retries = [detail["retryDelay"] for detail in by_grpc["details"] if detail["@type"].endswith("RetryInfo")]
    assert retries == (["2s"] if isinstance(error, errors.TryLater) else [])


def test_a_long_refusal_fits_into_grpcs_metadata() -> None:
    violations = [{"field": f"message.parts[{number}]", "message": "ü" * 50} for number in range(1_000)]
    status = grpc_error(InvalidParamsError("ü" * 9_000, data={"errors": violations}))
    assert status.ByteSize() < LARGEST_STATUS
    assert status.message.endswith("ü ...")
    assert [detail.TypeName() for detail in status.details] == ["google.rpc.ErrorInfo"]
    short = grpc_error(InvalidParamsError("two", data={"errors": violations[:2]}))
    assert [detail.TypeName() for detail in short.details] == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]


def test_no_public_error_is_forgotten() -> None:
    def leaves(kind: type[Exception]) -> set[type[Exception]]:
        return {kind}.union(*(leaves(sub) for sub in kind.__subclasses__()))

    ours = {kind for kind in leaves(errors.Public) if kind.__module__ == "crossdock.errors"} - {errors.Public}
    assert ours <= {type(row[0]) for row in TABLE if isinstance(row[0], errors.Public)}


def test_an_unexpected_error_is_logged_under_the_id_that_the_caller_gets() -> None:
    error = RuntimeError("db password=hunter2")
    with capture_logs() as logs:
        told = as_a2a(error)
    assert "hunter2" not in str(told)
    assert logs[0]["error_id"] in str(told)
    assert logs[0]["exc_info"] is error


class Handler:
    """Methods of a request handler that fail with `error`."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @guarded
    async def unary(self, params: Any, context: ServerCallContext) -> Any:
        raise self.error

    async def stream(self, params: Any, context: ServerCallContext) -> AsyncGenerator[Any]:
        with Guard(context):
            yield 1
            raise self.error


async def outcome(error: Exception, *, streaming: bool) -> tuple[A2AError, Call]:
    call = Call()
    context = ServerCallContext(state={CALL: call})
    handler = Handler(error)

    async def drained() -> None:
        async for _ in handler.stream(None, context):
            pass

    with pytest.raises(A2AError) as caught:
        await (drained() if streaming else handler.unary(None, context))
    return caught.value, call


@pytest.mark.parametrize("streaming", [False, True])
async def test_the_guard_lets_only_errors_of_a2a_out(streaming: bool) -> None:
    for error, *_ in TABLE:
        told, _ = await outcome(error, streaming=streaming)
        assert "hunter2" not in str(told)
        assert told.__cause__ is None


@pytest.mark.parametrize("streaming", [False, True])
async def test_the_guard_says_when_to_come_again(streaming: bool) -> None:
    _, call = await outcome(errors.TryLater("busy", 2.4), streaming=streaming)
    assert (call.status, call.headers) == (503, {"Retry-After": "2"})
    _, call = await outcome(errors.TryLater("busy", 0.1), streaming=streaming)
    assert call.headers == {"Retry-After": "1"}
    _, call = await outcome(errors.Rejected("x"), streaming=streaming)
    assert (call.status, call.headers) == (None, {})
