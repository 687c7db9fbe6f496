"""A line to a server that loses answers: the request arrives, the connection is gone before the answer comes.

Or one that is narrow: what is large stands still on it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial


class Line:
    """Use `line(port)`. Each of `lose` loses one answer: that to the next request with these bytes in it.

    With `narrow` nothing goes on in a direction of a connection that has had so many bytes, until `free`.
    `lost` is what happens before whoever asked notices.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.lose: list[bytes] = []
        self.narrow = 0
        self.still = asyncio.Event()
        self.answered = 0
        self.lost: Callable[[], Awaitable[None]] = partial(asyncio.sleep, 0)
        self._behind = port
        self._dead: set[asyncio.StreamReader] = set()
        self._open: set[asyncio.StreamReader] = set()
        self._wide = asyncio.Event()

    def forget(self) -> None:
        """Nothing comes back any more on what is connected now, and nobody is told."""
        self._dead |= self._open

    def free(self) -> None:
        self._wide.set()

    async def _squeezed(self, size: int) -> None:
        if self.narrow and size > self.narrow:
            self.still.set()
            await self._wide.wait()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            ahead = await asyncio.open_connection("127.0.0.1", self._behind)
            back = asyncio.create_task(self._pass_on(ahead[0], writer))
            size = 0
            try:
                while data := await reader.read(65536):
                    size += len(data)
                    await self._squeezed(size)
                    if self.lose and self.lose[0] in data:
                        self.lose.pop(0)
                        back.cancel()
                        await asyncio.wait([back])
                        ahead[1].write(data)
                        await ahead[0].read(1)  # the server has done it
                        await self.lost()
                        break
                    ahead[1].write(data)
            finally:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                for end in (writer, ahead[1]):
                    end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(reader)
        size = 0
        while data := await reader.read(65536):
            size += len(data)
            self.answered += len(data)
            await self._squeezed(size)
            if reader not in self._dead:
                writer.write(data)


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    made = Line(port)
    async with await asyncio.start_server(made.connected, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
