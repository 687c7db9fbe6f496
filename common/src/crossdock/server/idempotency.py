"""The caller's `Idempotency-Key`, and what makes two requests the same."""

import hashlib

from a2a.server.context import ServerCallContext
from a2a.types import SendMessageRequest
from a2a.utils.errors import InvalidParamsError

from crossdock.extensions import KEY_HEADER
from crossdock.server.call import single
from crossdock.server.loop import off_loop
from crossdock.tasks.journal import IdempotencyKey

LONGEST = 255


async def idempotency_key(params: SendMessageRequest, context: ServerCallContext) -> IdempotencyKey | None:
    """The key of a request as it came: before its task and its context are filled in. Raises `InvalidParamsError`."""
    key = single(context, KEY_HEADER)
    if key is None:
        return None
    if not (1 <= len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise InvalidParamsError(f"The header {KEY_HEADER} must hold 1 to {LONGEST} printable ASCII characters.")
    return IdempotencyKey(key, await off_loop(params.ByteSize(), digest, params))


def digest(params: SendMessageRequest) -> str:
    """Of what is asked for: the message with its id, its task and its context, and the metadata.

    How the caller wants to hear of it may differ from try to try: the method, the binding, the configuration, the
    tenant (in the path or in the body), and all other headers, such as the time that is left and the trace.
    """
    asked = SendMessageRequest(message=params.message, metadata=params.metadata)
    return hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()
