"""HTTP connections whose answers leave in as few writes as they can."""

import asyncio
import json
from typing import Any, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

AT_ONCE = 64 * 1024
"""Bytes that are not held back: whoever writes them may be waiting for the reader."""

TEXT = "The request is not one of HTTP, or of a method that is not known here. Check its first line and its headers."
BODY = json.dumps({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": TEXT}}).encode()
UNREADABLE = b"\r\n".join(
    [
        b"HTTP/1.1 400 Bad Request",
        b"content-type: application/json",
        b"content-length: %d" % len(BODY),
        b"connection: close",
        b"",
        BODY,
    ]
)


class Cork(asyncio.Transport):
    """Gathers what is written within one turn of the loop: each write of a transport is a system call of its own."""

    __slots__ = ("_held", "_loop", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(bytes(data))
        self._size += len(data)
        if self._size > AT_ONCE:
            self.flush()

    def flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


class Flow(FlowControl):
    """uvicorn's, without an event that all but stalled connections only carry about."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = self.write_paused = False

    def pause_writing(self) -> None:
        if not self.write_paused:
            self.write_paused = True
            self._is_writable_event = asyncio.Event()

    async def drain(self) -> None:
        if self.write_paused:
            await self._is_writable_event.wait()


class Connection(HttpToolsProtocol):
    """uvicorn's, over a cork."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        corked = Cork(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(corked)
        self.flow = Flow(corked)

    def send_400_response(self, msg: str) -> None:
        """To what could not be parsed. In place of uvicorn's own words, which are plain text."""
        self.transport.write(UNREADABLE)
        self.transport.close()
