"""What lies beneath the client: connections over real sockets, kept, cut, late, and not HTTP at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from crossdock.client.pool import pooled_client

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(closed, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


def answering(*pieces: bytes) -> Serve:
    """Reads one request, answers it so, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return serve


async def asked(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(int(length.split(b":")[1]))


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (WHOLE, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n", b"okay!"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
async def test_answers_of_every_length(answer: bytes, body: bytes) -> None:
    async with serving(answering(answer)) as url, pooled_client() as http:
        response = await http.post(url, content=b"x")
        assert response.content == body


async def test_a_large_request_and_a_large_answer() -> None:
    got = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await asked(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"y" * 8_000_000)
        await writer.drain()

    async with serving(serve) as url, pooled_client() as http:
        response = await http.post(url, content=b"x" * 8_000_000)
        assert (len(response.content), got[0].count(b"x") >= 8_000_000) == (8_000_000, True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.2\r\n", httpx.RemoteProtocolError),
    ],
)
async def test_a_broken_answer_is_told(answer: bytes, error: type[Exception]) -> None:
    async with serving(answering(answer)) as url, pooled_client() as http:
        with pytest.raises(error):
            await http.post(url, content=b"x")


async def test_late_answers_and_no_servers() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as url, pooled_client() as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(url, content=b"x", timeout=0.05)
        with pytest.raises(httpx.LocalProtocolError):
            await http.post(url, content=b"x", headers={"A": "b\r\nC: d"})
    async with pooled_client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.post("http://127.0.0.1:1/", content=b"x")


async def test_a_connection_is_kept_until_its_server_takes_leave() -> None:
    opened = 0

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        for end in (b"", b"Connection: close\r\n"):
            await asked(reader)
            writer.write(WHOLE.replace(b"Content", end + b"Content"))

    async with serving(twice) as url, pooled_client() as http:
        for count in (1, 1, 2, 2):
            assert (await http.post(url, content=b"x")).content == b"ok"
            assert opened == count


async def test_a_request_carries_its_trace_and_no_agents_cookies() -> None:
    got = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            got.append((await asked(reader)).lower())
            writer.write(WHOLE.replace(b"Content", b"Set-Cookie: a=b\r\nContent"))

    caller = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
    async with serving(serve) as url, pooled_client() as http:
        with trace.use_span(caller):
            for _ in range(2):
                await http.post(url, content=b"x")
    assert all(b"traceparent: 00-%032x-" % 0xABC in request for request in got)
    assert not any(b"cookie" in request for request in got)
