"""How answers and event streams go out, on every binding over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Self

from a2a.utils.errors import A2AError
from starlette.types import Message, Receive, Scope, Send

from crossdock.server.call import Call
from crossdock.server.faults import as_a2a
from crossdock.server.operations import Method

PIECE = 256 * 1024
"""Larger ones would be copied whole, several times, before the loop goes on."""
PING_SECONDS = 15.0
PING = b": ping\r\n\r\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
AT_FIRST, AGAIN = 0.25, 0.1
TOGETHER = 8 * 1024
"""Bytes of frames that are worth to be joined."""
Frame = Callable[[bytes], bytes]
Refusal = Callable[[A2AError], bytes]


class JsonResponse:
    """JSON that is text already; a long one goes out in pieces."""

    __slots__ = ("_body", "_headers", "_media_type", "_status")

    def __init__(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str | None = None
    ) -> None:
        self._body = body
        self._status = status
        self._headers = headers or {}
        self._media_type = media_type or "application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = len(self._body)
        headers = [(b"content-length", b"%d" % size), (b"content-type", self._media_type.encode())]
        await send(_start(self._status, [*headers, *_raw(self._headers)]))
        if size > PIECE:
            for piece in _pieces(self._body):
                await send(piece)
        await send({"type": "http.response.body", "body": b"" if size > PIECE else self._body})


class EventStream:
    """Server-sent events, with a comment now and then so that nobody on the way takes the stream for dead."""

    __slots__ = ("_call", "_frames", "_pinging", "_seconds")

    def __init__(self, frames: AsyncGenerator[bytes], call: Call, *, ping: float = PING_SECONDS) -> None:
        self._frames = frames
        self._call = call
        self._seconds = ping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writer = asyncio.current_task()
        assert writer is not None
        watch = Watch(receive, writer)
        try:
            await self.stream_response(send)
        except asyncio.CancelledError:
            if not watch.left:
                raise
            while writer.cancelling():
                writer.uncancel()
        finally:
            watch.stop()

    async def stream_response(self, send: Send) -> None:
        await send(_start(self._call.status or 200, [*STREAM_HEADERS, *_raw(self._call.headers)]))
        pings = Pings(send, self._seconds)
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    if len(frame) <= PIECE:
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
                        continue
                    async with pings.whole:
                        for piece in _pieces(frame):
                            await send(piece)
        finally:
            pings.stop()
        await send({"type": "http.response.body", "body": b""})


class Pings:
    """Writes a comment every few `seconds` between the whole events of a stream.

    `whole` is held for those that go out in pieces.
    """

    __slots__ = ("_running", "_seconds", "_send", "_timer", "whole")

    def __init__(self, send: Send, seconds: float) -> None:
        self.whole = asyncio.Lock()
        self._send = send
        self._seconds = seconds
        self._running: asyncio.Task[None] | None = None
        self._wait()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._due)

    def _due(self) -> None:
        waits = self._running is not None and not self._running.done()
        if not waits and not self.whole.locked():  # or else the stream is alive, or its reader takes nothing in
            self._running = asyncio.create_task(self._ping())
        self._wait()

    async def _ping(self) -> None:
        async with self.whole:
            await self._send({"type": "http.response.body", "body": PING, "more_body": True})

    def stop(self) -> None:
        self._timer.cancel()
        if self._running:
            self._running.cancel()


class Watch:
    """Cancels `writer` once nobody reads any more: then it has `left`. Most streams are over before it begins."""

    __slots__ = ("_receive", "_running", "_timer", "_writer", "left")

    def __init__(self, receive: Receive, writer: "asyncio.Task[Any]") -> None:
        self._receive = receive
        self._writer = writer
        self._running: asyncio.Task[None] | None = None
        self.left = False
        self._timer = asyncio.get_running_loop().call_later(AT_FIRST, self._begin)

    def _begin(self) -> None:
        self._running = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        while not self._writer.done():  # again and again, for a driver may swallow it
            self._writer.cancel()
            await asyncio.sleep(AGAIN)

    def stop(self) -> None:
        self._timer.cancel()
        if self._running:
            self._running.cancel()


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _pieces(content: bytes) -> Iterator[Message]:
    for start in range(0, len(content), PIECE):
        yield {"type": "http.response.body", "body": content[start : start + PIECE], "more_body": True}


class Begun:
    """`events` whose first was awaited already."""

    __slots__ = ("_events", "_first")

    def __init__(self, first: list[Any], events: AsyncGenerator[Any]) -> None:
        self._first = first
        self._events = events

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[Any]:
        return self._taken() if self._first else self._events.__anext__()

    async def _taken(self) -> Any:
        return self._first.pop()

    async def aclose(self) -> None:
        await self._events.aclose()


async def begun(events: AsyncGenerator[Any]) -> Begun:
    """After the first event was awaited: what is refused is known before the answer begins."""
    try:
        return Begun([await anext(events)], events)
    except StopAsyncIteration:
        return Begun([], events)


async def event_frames(
    method: Method, events: Begun | AsyncGenerator[Any], call: Call, wrap: Frame, refuse: Refusal
) -> AsyncGenerator[bytes]:
    """Each event as an SSE frame under its number; an error that comes late is the last frame.

    Frames of events that are there together leave together.
    """
    ready = b""
    async with aclosing(events):
        try:
            async for event in events:
                number = b"id: %d\r\n" % call.numbers.pop(0) if call.numbers else b""
                ready += b"%bdata: %b\r\n\r\n" % (number, wrap(await method.encoded(event)))
                if not call.more or len(ready) > TOGETHER:
                    leaving, ready = ready, b""
                    yield leaving
        except Exception as error:  # noqa: BLE001 - the caller is told, as of any other error
            ready += b"event: error\r\ndata: %b\r\n\r\n" % refuse(as_a2a(error))
    if ready:
        yield ready
