"""HTTP/1.1 beneath httpx for what agents are asked: a POST whose body is at hand, answered whole or by a stream.

httpcore takes most of what such a request costs its sender; here its bytes go straight to the event loop's transport,
and the answer's through httptools. Whatever else is asked goes httpx's own way.
"""

import asyncio
import ssl
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import httptools
import httpx

KEPT_SECONDS = 3.0
"""An idle connection is used again for so long: servers close theirs after some five seconds."""
KEPT = 50
BUFFERED = 1 << 18
CUT = "The connection was closed before the answer was complete."
Origin = tuple[str, str, int]


class DirectTransport(httpx.AsyncHTTPTransport):
    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=context, limits=limits)
        self._context = context
        self._slots = asyncio.Semaphore(limits.max_connections or 500)
        self._idle: dict[Origin, deque[Connection]] = defaultdict(deque)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or not isinstance(request.stream, httpx.ByteStream):
            return await super().handle_async_request(request)
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        content = _written(request)
        try:
            async with asyncio.timeout(timeouts.get("pool")):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("No connection is free.", request=request) from error
        try:
            origin = _origin(request.url)
            connection = self._kept(origin) or await self._opened(origin, timeouts.get("connect"), request)
        except BaseException:
            self._slots.release()
            raise
        answer = Answer(self, origin, connection, timeouts.get("read"))
        try:
            await connection.write(content, timeouts.get("write"))
            await connection.headed(timeouts.get("read"))
        except BaseException:
            await answer.aclose()
            raise
        return httpx.Response(connection.status, headers=connection.headers, stream=answer, request=request)

    def _kept(self, origin: Origin) -> "Connection | None":
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if not connection.closed and time.monotonic() - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.close()
        return None

    async def _opened(self, origin: Origin, seconds: float | None, request: httpx.Request) -> "Connection":
        scheme, host, port = origin
        context = self._context if scheme == "https" else None
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port, ssl=context)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("The connection took too long.", request=request) from error
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return connection

    def release(self, origin: Origin, connection: "Connection") -> None:
        self._slots.release()
        if not connection.reusable or len(self._idle[origin]) >= KEPT:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        self._idle[origin].append(connection)

    async def aclose(self) -> None:
        self._close_idle()
        await super().aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._close_idle()
        await super().__aexit__(exc_type, exc_value, traceback)

    def _close_idle(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


class Answer(httpx.AsyncByteStream):
    """The body of one answer; closing it gives the connection back, or ends it in the middle."""

    def __init__(self, owner: DirectTransport, origin: Origin, connection: "Connection", seconds: float | None) -> None:
        self._owner = owner
        self._origin = origin
        self._connection: Connection | None = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None and (piece := await self._connection.piece(self._seconds)):
            yield piece

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._owner.release(self._origin, connection)


class Connection(asyncio.Protocol):
    """One request at a time. `status` and `headers` are those of the answer that is being read."""

    def __init__(self) -> None:
        self.closed = False
        self.idle_since = 0.0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._transport: Any = None
        self._parser: Any = None
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._begun = self._whole = self._until_close = self._stays = False
        self._paused = self._full = False
        self._problem: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        return self._whole and not self.closed and not self._pieces and self._stays

    def close(self) -> None:
        self.closed = True
        self._transport.abort()

    async def write(self, content: list[bytes], seconds: float | None) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._begun = self._whole = self._until_close = self._stays = False
        self._problem = None
        self._transport.writelines(content)
        while self._paused and not self._begun:
            await self._news(seconds, httpx.WriteTimeout("The request could not be sent in time."))

    async def headed(self, seconds: float | None) -> None:
        while not self._begun:
            await self._news(seconds, httpx.ReadTimeout("No answer came in time."))

    async def piece(self, seconds: float | None) -> bytes:
        """Some of the body; empty at its end."""
        while not self._pieces:
            if self._whole:
                return b""
            await self._news(seconds, httpx.ReadTimeout("The answer stopped."))
        self._buffered -= len(self._pieces[0])
        if self._full and self._buffered <= BUFFERED:
            self._full = False
            if not self.closed:
                self._transport.resume_reading()
        return self._pieces.popleft()

    async def _news(self, seconds: float | None, late: httpx.TransportError) -> None:
        if self._problem is not None:
            raise self._problem
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiter
        except TimeoutError as error:
            raise late from error
        finally:
            self._waiter = None

    def _ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._whole:  # nobody asked for it
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(f"The answer is no HTTP: {error}"))
            self.close()
        self._ring()

    def eof_received(self) -> None:
        self.closed = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._begun and self._until_close and exc is None:
            self._whole = True
        elif not self._whole:
            self._fail(httpx.ReadError(str(exc)) if exc else httpx.RemoteProtocolError(CUT))
        self._ring()

    def _fail(self, problem: httpx.TransportError) -> None:
        self._problem = self._problem or problem

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._ring()

    def on_message_begin(self) -> None:
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self._begun = True
            named = {name.lower() for name, _ in self.headers}
            self._until_close = not named & {b"content-length", b"transfer-encoding"}

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)
        if self._buffered > BUFFERED and not self._full:
            self._full = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        self._whole = self._begun
        self._stays = self._parser.should_keep_alive()


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _written(request: httpx.Request) -> list[bytes]:
    headers = request.headers.raw
    lines = [b"%b: %b" % line for line in headers]
    head = b"\r\n".join([b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path), *lines, b"", b""])
    if head.count(b"\n") != len(headers) + 2 or head.count(b"\r") != len(headers) + 2:
        raise httpx.LocalProtocolError("A header holds a line break.", request=request)
    return [head, request.content]
