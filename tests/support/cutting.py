"""A TCP proxy that cuts connections: what a bad network does to a stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Cutter:
    """Forwards to `target`. Cuts a connection after `after` answered bytes, `cuts` times (counted
    from when `cuts` is set); `down` refuses new ones."""

    target: str
    after: int = 0
    cuts: int = 0
    down: bool = False
    connections: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.down:
            writer.transport.abort()
            return
        parts = urlsplit(self.target)
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, back))
                group.create_task(self._answers(there, writer, back))
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open -= {writer, back}
            writer.transport.abort()
            back.transport.abort()

    async def _answers(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        seen = 0
        while data := await there.read(256):
            if self.cuts > 0 and seen + len(data) > self.after:
                self.cuts -= 1
                writer.transport.abort()
                back.transport.abort()
                raise ConnectionResetError
            seen += len(data) if self.cuts else 0
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    def cut_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def cutter(target: str) -> AsyncIterator[tuple[Cutter, str]]:
    made = Cutter(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    try:
        yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        made.cut_all()
