"""What holds for a request's body before anything behind parses it: its size, its time, and that it is plain."""

import asyncio
import contextlib

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_BYTES = 256 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a refused body is still taken in: most clients read no answer before they have sent everything."""
BYTES_A_SECOND = 256 * 1024
"""What arrives as fast as this costs a body none of its time."""


def too_large(limit: int) -> str:
    return f"The request is larger than {limit // 1024} KiB. Send a smaller file, or its URL."


class BodyRefused(Exception):
    """`code` is HTTP's, `status` that of google.rpc; `more` of the body is to come, for which the answer waits."""

    def __init__(self, code: int, status: str, text: str, *, more: bool) -> None:
        super().__init__(text)
        self.more = more
        self.answer = JSONResponse(
            {"error": {"code": code, "status": status, "message": text}}, code, {"Connection": "close"}
        )


class Disconnected(Exception):
    """The caller went away in the middle of the body."""


class BodyMiddleware:
    """Answers 413 for a body of more than `limit` bytes, declared or not, 415 for one that is compressed, and 408 for
    one that rests for `seconds`, or takes that long beside a second for each `BYTES_A_SECOND` that have come."""

    def __init__(self, app: ASGIApp, *, limit: int, seconds: float) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
            whole = _replayed(await self._read(receive), receive)
        except Disconnected:
            return
        except BodyRefused as refused:
            # Who sends `Expect` has not begun to send the body and reads the answer first.
            if refused.more and b"expect" not in dict(scope["headers"]):
                await _discard(receive)
            await refused.answer(scope, receive, send)
        else:
            await self._app(scope, whole, send)

    def _check(self, scope: Scope) -> None:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._limit:
                raise self._too_large(more=True)
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                text = "Bodies are taken uncompressed. Send it without Content-Encoding."
                raise BodyRefused(415, "INVALID_ARGUMENT", text, more=True)

    async def _read(self, receive: Receive) -> bytes:
        clock = asyncio.get_running_loop().time
        began, body = clock(), bytearray()
        try:
            async with asyncio.timeout(self._seconds) as timer:
                while True:
                    chunk, more = await _chunk(receive)
                    if not more and not body and len(chunk) <= self._limit:
                        return bytes(chunk)
                    body += chunk
                    if len(body) > self._limit:
                        raise self._too_large(more=more)
                    if not more:
                        return bytes(body)
                    timer.reschedule(min(clock(), began + len(body) / BYTES_A_SECOND) + self._seconds)
        except TimeoutError:
            text = "The body did not arrive in time. Send it again without pauses."
            raise BodyRefused(408, "DEADLINE_EXCEEDED", text, more=False) from None

    def _too_large(self, *, more: bool) -> BodyRefused:
        return BodyRefused(413, "INVALID_ARGUMENT", too_large(self._limit), more=more)


async def _chunk(receive: Receive) -> tuple[bytes | bytearray, bool]:
    """A piece of the body, and whether more follows."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


async def whole_body(receive: Receive) -> bytes:
    """What stands behind `BodyMiddleware` gets it in one message."""
    body: bytes = (await receive())["body"]
    return body


async def _discard(receive: Receive) -> None:
    taken, more = 0, True
    with contextlib.suppress(TimeoutError, Disconnected):
        async with asyncio.timeout(LINGER_SECONDS):
            while more and taken <= LINGER_BYTES:
                chunk, more = await _chunk(receive)
                taken += len(chunk)


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
