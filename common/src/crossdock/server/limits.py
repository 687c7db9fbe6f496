"""What holds for a request's body before anything behind parses it: its size."""

import asyncio
import contextlib

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_BYTES = 256 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a refused body is still taken in: most clients read no answer before they have sent everything."""


def too_large(limit: int) -> str:
    return f"The request is larger than {limit // 1024} KiB. Send a smaller file, or its URL."


class BodyTooLarge(Exception):
    """The body went over the limit while it was read; `more` of it is to come."""

    def __init__(self, *, more: bool) -> None:
        super().__init__()
        self.more = more


class Disconnected(Exception):
    """The caller went away in the middle of the body."""


class BodyMiddleware:
    """Answers 413 for a body of more than `limit` bytes, declared or not."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            whole = _replayed(await self._read(scope, receive), receive)
        except Disconnected:
            return
        except BodyTooLarge as error:
            # Who sends `Expect` has not begun to send the body and reads the answer first.
            if error.more and b"expect" not in dict(scope["headers"]):
                await _discard(receive)
            await self._too_large()(scope, receive, send)
        else:
            await self._app(scope, whole, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        for name, declared in scope["headers"]:
            if name == b"content-length" and declared.isdigit() and int(declared) > self._limit:
                raise BodyTooLarge(more=True)
        body, more = await _chunk(receive)
        if more:
            body = bytearray(body)
        while True:
            if len(body) > self._limit:
                raise BodyTooLarge(more=more)
            if not more:
                return bytes(body)
            chunk, more = await _chunk(receive)
            body += chunk

    def _too_large(self) -> ASGIApp:
        error = {"code": 413, "status": "INVALID_ARGUMENT", "message": too_large(self._limit)}
        return JSONResponse({"error": error}, status_code=413, headers={"Connection": "close"})


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
