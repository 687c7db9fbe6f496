"""The one table from Crossdock's errors to A2A's bindings, and the guard that lets nothing else out."""

import functools
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any

import structlog
from a2a.server.context import ServerCallContext
from a2a.utils.error_handlers import build_error_details
from a2a.utils.errors import (
    A2A_ERROR_MAPPING,
    JSON_RPC_ERROR_CODE_MAP,
    A2AError,
    ErrorMapping,
    InternalError,
    InvalidParamsError,
    InvalidRequestError,
    JSONParseError,
    TaskNotFoundError,
)
from google.protobuf.any_pb2 import Any as Any_
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crossdock.errors import Forbidden, Public, RateLimited, Rejected, TryLater, Unauthenticated
from crossdock.server.bodies import NotJson
from crossdock.server.call import CALL, Call
from crossdock.tasks.journal import KeyedTaskExpired, KeyReused, TaskUnknown

log = structlog.get_logger(__name__)


class PermissionDeniedError(A2AError):
    """The caller is known and lacks a right (section 7.5)."""

    message = "Permission denied"


class IdempotencyKeyReusedError(A2AError):
    """The key stands for another request."""

    message = "The Idempotency-Key was sent with another request. Repeat that one unchanged, or take a new key."


class IdempotentTaskExpiredError(A2AError):
    """The request was worked, but its task is no more."""

    message = (
        "A request with this Idempotency-Key was worked already, and its task has been forgotten since. "
        "To have it worked again, send the message with a new key."
    )


class UnavailableError(A2AError):
    """The same call may succeed later."""

    message = "Try again later"


class RateLimitedError(UnavailableError):
    """The customer's next request is taken after a while."""

    message = "Send fewer requests"


class TooLargeError(A2AError):
    """Over HTTP the body is refused before a binding sees it."""

    message = "The request is too large"


OWN_ERRORS: dict[type[A2AError], tuple[int, ErrorMapping]] = {
    PermissionDeniedError: (-32040, ErrorMapping(403, "PERMISSION_DENIED", "PERMISSION_DENIED")),
    IdempotencyKeyReusedError: (-32041, ErrorMapping(409, "ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")),
    TooLargeError: (-32042, ErrorMapping(413, "RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE")),
    IdempotentTaskExpiredError: (-32043, ErrorMapping(409, "ALREADY_EXISTS", "IDEMPOTENT_TASK_EXPIRED")),
    RateLimitedError: (-32044, ErrorMapping(429, "RESOURCE_EXHAUSTED", "RATE_LIMITED")),
    UnavailableError: (-32050, ErrorMapping(503, "UNAVAILABLE", "UNAVAILABLE")),
}
"""JSON-RPC code (of the range that JSON-RPC leaves to servers) and HTTP mapping of errors that A2A does not name."""

CODES = {**JSON_RPC_ERROR_CODE_MAP, **{error: code for error, (code, _) in OWN_ERRORS.items()}}
MAPPINGS = {
    **A2A_ERROR_MAPPING,
    **{error: mapping for error, (_, mapping) in OWN_ERRORS.items()},
    JSONParseError: A2A_ERROR_MAPPING[InvalidRequestError],
}
INTERNAL = A2A_ERROR_MAPPING[InternalError]
LONGEST_TEXT = 500
LARGEST_STATUS = 2_500
"""Errors are gRPC metadata, of which clients take 8 KiB: the text twice, percent-encoded and in base64."""
LOST = "Task not found: check its id, or list your tasks. Ended tasks are forgotten after a while."


def rpc_error(error: A2AError) -> dict[str, Any]:
    """The `error` of a JSON-RPC answer (section 9.5)."""
    return {"code": CODES.get(type(error), -32603), "message": str(error), "data": _details(error)}


def rest_error(error: A2AError) -> dict[str, Any]:
    """The `error` of an HTTP+JSON answer: google.rpc.Status (section 11.6)."""
    code, status, _ = MAPPINGS.get(type(error), INTERNAL)
    return {"code": code, "status": status, "message": str(error), "details": _details(error)}


def grpc_error(error: A2AError) -> Status:
    """The google.rpc.Status of a gRPC answer (section 10.6)."""
    code = Code.Value(MAPPINGS.get(type(error), INTERNAL).grpc_status)
    status = Status(code=code, message=cut(str(error), LONGEST_TEXT))
    for detail in _details(error):
        packed = ParseDict({**detail, **_texts(detail)}, Any_())
        if status.ByteSize() + packed.ByteSize() <= LARGEST_STATUS:
            status.details.append(packed)
    if isinstance(error, UnavailableError) and error.data:
        delay = Duration()
        delay.FromMilliseconds(round(1000 * float(error.data["retryAfterSeconds"])))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def _texts(detail: dict[str, Any]) -> dict[str, Any]:
    """ErrorInfo's metadata with what protobuf lets it hold: texts. Field violations are a detail of their own."""
    if "metadata" not in detail:
        return {}
    return {"metadata": {name: text for name, text in detail["metadata"].items() if isinstance(text, str)}}


def _details(error: A2AError) -> list[dict[str, Any]]:
    info, *others = build_error_details(error)
    return [{**info, "reason": MAPPINGS.get(type(error), INTERNAL).reason}, *others]


def as_a2a(error: Exception) -> A2AError:
    """What a caller is told about `error`; of an unexpected one only the id under which it is logged."""
    match error:
        case A2AError():
            return error
        case KeyReused():
            return IdempotencyKeyReusedError()
        case KeyedTaskExpired():
            return IdempotentTaskExpiredError()
        case TaskUnknown():
            return TaskNotFoundError(LOST)
        case Forbidden() | Unauthenticated():
            return PermissionDeniedError(str(error))
        case TryLater():
            kind = RateLimitedError if isinstance(error, RateLimited) else UnavailableError
            return kind(str(error), data={"retryAfterSeconds": str(error.retry_after)})
        case NotJson():
            return JSONParseError(str(error))
        case Rejected() | Public():
            return InvalidParamsError(str(error))
    error_id = uuid.uuid4().hex[:12]
    log.error("request_fault", error_id=error_id, exc_info=error)
    return InternalError(f"Something went wrong (error {error_id}). Give this id to the agent's operator.")


async def not_served(request: Request, error: Exception) -> Response:
    """For paths and methods that no binding has, as google.rpc.Status (section 11.6)."""
    assert isinstance(error, HTTPException)
    text = f"{request.method} is not served at this path. See the interfaces in the Agent Card for what is."
    status = "NOT_FOUND" if error.status_code == 404 else "INVALID_ARGUMENT"
    body = {"error": {"code": error.status_code, "status": status, "message": text}}
    return JSONResponse(body, error.status_code, headers=error.headers)


def refusal(error: Exception, call: Call) -> A2AError:
    """What a caller is told; `call` gets the status and the headers that go with it."""
    answer = as_a2a(error)
    if type(answer) in OWN_ERRORS:
        call.status = OWN_ERRORS[type(answer)][1].http_code
    if isinstance(error, TryLater):
        call.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return answer


def _answer(error: Exception, context: ServerCallContext) -> A2AError:
    return refusal(error, context.state.get(CALL) or Call())


def guarded(method: Callable[..., Awaitable[Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """For a unary method of a request handler: only A2A errors leave it."""

    @functools.wraps(method)
    async def guard(self: Any, params: Any, context: ServerCallContext) -> Any:
        try:
            return await method(self, params, context)
        except Exception as error:  # noqa: BLE001 - this is the guard
            raise _answer(error, context) from None

    return guard


class Guard:
    """The same for what is done inside it: a streaming method would be slower for a generator around it."""

    __slots__ = ("_context",)

    def __init__(self, context: ServerCallContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Exception):
            raise _answer(error, self._context) from None
