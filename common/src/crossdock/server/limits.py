"""What holds for a request's body before anything behind parses it: its size."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_BYTES = 256 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a refused body is still taken in: most clients read no answer before they have sent everything."""


def too_large(limit: int) -> str:
    return f"The request is larger than {limit // 1024} KiB. Send a smaller file, or its URL."


class BodyTooLarge(Exception):
    """The body went over the limit while it was read."""


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
        chunks = _chunks(receive)
        try:
            whole = _replayed(await self._read(scope, chunks), receive)
        except Disconnected:
            return
        except BodyTooLarge:
            # Who sends `Expect` has not begun to send the body and reads the answer first.
            if b"expect" not in dict(scope["headers"]):
                await _discard(chunks)
            await self._too_large()(scope, receive, send)
        else:
            await self._app(scope, whole, send)

    async def _read(self, scope: Scope, chunks: AsyncIterator[bytes]) -> bytes:
        for name, declared in scope["headers"]:
            if name == b"content-length" and declared.isdigit() and int(declared) > self._limit:
                raise BodyTooLarge
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > self._limit:
                raise BodyTooLarge
        return bytes(body)

    def _too_large(self) -> ASGIApp:
        error = {"code": 413, "status": "INVALID_ARGUMENT", "message": too_large(self._limit)}
        return JSONResponse({"error": error}, status_code=413, headers={"Connection": "close"})


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def whole_body(receive: Receive) -> bytes:
    """What stands behind `BodyMiddleware` gets it in one message."""
    body: bytes = (await receive())["body"]
    return body


async def _discard(chunks: AsyncIterator[bytes]) -> None:
    taken = 0
    with contextlib.suppress(TimeoutError, Disconnected):
        async with asyncio.timeout(LINGER_SECONDS):
            async for chunk in chunks:
                taken += len(chunk)
                if taken > LINGER_BYTES:
                    return


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
