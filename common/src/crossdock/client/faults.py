"""What went wrong at another agent, in Crossdock's own errors."""

import httpx
from a2a.client.errors import A2AClientError, A2AClientTimeoutError
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from crossdock.errors import (
    CrossdockError,
    Failed,
    Forbidden,
    RateLimited,
    Rejected,
    TryLater,
    Unauthenticated,
    Unreachable,
)
from crossdock.tasks.journal import TaskUnknown

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
CUT = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.ReadTimeout)
NOT_TAKEN = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}
BUSY = {
    *NOT_TAKEN,
    httpx.codes.BAD_GATEWAY,
    httpx.codes.GATEWAY_TIMEOUT,
}
UNAVAILABLE_CODE = "-32050"


def root(error: BaseException) -> BaseException:
    """The transport's error beneath the SDK's."""
    return error.__cause__ if isinstance(error, A2AClientError) and error.__cause__ else error


def never_sent(error: BaseException) -> bool:
    """Whether the agent cannot have seen the request, so that sending again is safe whatever it asks for."""
    cause = root(error)
    if isinstance(cause, httpx.HTTPStatusError):
        return cause.response.status_code in NOT_TAKEN
    return isinstance(cause, NEVER_SENT) or isinstance(error, TryLater)


def asked_for(error: BaseException) -> float:
    """Seconds before which the same request is in vain; 0 where an earlier try may find a way."""
    told = translated("", error)
    return told.retry_after if isinstance(told, RateLimited) else 0.0


def was_cut(error: BaseException) -> bool:
    """Whether a stream broke on its way."""
    return isinstance(error, A2AClientTimeoutError) or isinstance(root(error), CUT + NEVER_SENT)


def passes(error: BaseException) -> bool:
    """Whether the same request may succeed later; the agent may have taken it already."""
    return was_cut(error) or isinstance(translated("", error), TryLater)


def translated(name: str, error: BaseException) -> CrossdockError:
    """`error` as the caller of `crossdock.client` sees it; `name` is the agent's."""
    cause = root(error)
    match cause:
        case CrossdockError():
            return cause
        case TaskNotFoundError():
            return TaskUnknown(f"{name} has no such task.")
        case (
            InvalidParamsError()
            | ContentTypeNotSupportedError()
            | UnsupportedOperationError()
            | TaskNotCancelableError()
        ):
            return Rejected(f"{name}: {cause}")
        case httpx.HTTPStatusError():
            return _status(name, cause.response)
        case httpx.TransportError():
            return Unreachable(name, 2.0)
    if UNAVAILABLE_CODE in str(cause):
        return TryLater(f"{name} is busy. Send the request again later.", retry_after=5.0)
    return Failed(f"{name} answered with an error: {str(cause)[:300]}")


def _status(name: str, response: httpx.Response) -> CrossdockError:
    code = response.status_code
    text = _message(response)
    if code == httpx.codes.UNAUTHORIZED:
        return Unauthenticated(f"{name} does not accept the token: {text}")
    if code == httpx.codes.FORBIDDEN:
        return Forbidden(f"{name} refuses: {text}")
    if code in BUSY:
        wait = response.headers.get("retry-after", "")
        kind = RateLimited if code == httpx.codes.TOO_MANY_REQUESTS else TryLater
        return kind(
            f"{name} is busy. Send the request again later.", retry_after=float(wait) if wait.isdigit() else 2.0
        )
    if code < httpx.codes.INTERNAL_SERVER_ERROR:
        return Rejected(f"{name}: {text}")
    return Failed(f"{name} failed with HTTP {code}: {text}")


def _message(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError, httpx.StreamError):
        return response.reason_phrase
