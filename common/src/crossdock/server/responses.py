"""How answers and event streams go out, on every binding over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any

from a2a.utils.errors import A2AError
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from crossdock.server.call import Call
from crossdock.server.faults import as_a2a
from crossdock.server.operations import Method

PIECE = 256 * 1024
"""Larger ones would be copied whole, several times, before the loop goes on."""
PING_SECONDS = 15.0
PING = b": ping\r\n\r\n"
Frame = Callable[[bytes], bytes]
Refusal = Callable[[A2AError], bytes]


class JsonResponse(Response):
    """JSON that is text already; a long one goes out in pieces."""

    media_type = "application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self.body) <= PIECE:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in _pieces(bytes(self.body)):
            await send(piece)
        await send({"type": "http.response.body", "body": b""})


class EventStream(StreamingResponse):
    """Server-sent events, with a comment now and then so that nobody on the way takes the stream for dead."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[bytes], call: Call, *, ping: float = PING_SECONDS) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **call.headers}
        super().__init__(frames, call.status or 200, headers)
        self._frames = frames
        self._seconds = ping

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        whole = asyncio.Lock()
        pinging = asyncio.create_task(self._ping(send, whole))
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    async with whole:
                        for piece in _pieces(frame):
                            await send(piece)
        finally:
            pinging.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _ping(self, send: Send, whole: asyncio.Lock) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            async with whole:
                await send({"type": "http.response.body", "body": PING, "more_body": True})


def _pieces(content: bytes) -> Iterator[Message]:
    for start in range(0, len(content), PIECE):
        yield {"type": "http.response.body", "body": content[start : start + PIECE], "more_body": True}


async def begun(events: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    """`events` after the first was awaited: what is refused is known before the answer begins."""
    try:
        first = await anext(events)
    except StopAsyncIteration:
        return _nothing()
    return _rest(first, events)


async def _nothing() -> AsyncGenerator[Any]:
    return
    yield


async def _rest(first: Any, events: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event


async def event_frames(
    method: Method, events: AsyncGenerator[Any], call: Call, wrap: Frame, refuse: Refusal
) -> AsyncGenerator[bytes]:
    """Each event as an SSE frame under its number; an error that comes late is the last frame."""
    async with aclosing(events):
        try:
            async for event in events:
                number = b"id: %d\r\n" % call.numbers.popleft() if call.numbers else b""
                yield b"%bdata: %b\r\n\r\n" % (number, wrap(await method.encoded(event)))
        except Exception as error:  # noqa: BLE001 - the caller is told, as of any other error
            yield b"event: error\r\ndata: %b\r\n\r\n" % refuse(as_a2a(error))
