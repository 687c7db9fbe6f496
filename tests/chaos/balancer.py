"""One address for the replicas of a service: each new connection goes to one that is ready, in turns."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

from tests.chaos.replica import Replica


class Balancer:
    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._turns = itertools.count()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead = await self._reached()
        try:
            if ahead is not None:
                ways = [
                    asyncio.create_task(_pass_on(reader, ahead[1])),
                    asyncio.create_task(_pass_on(ahead[0], writer)),
                ]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            for end in (writer, *(ahead[1:] if ahead else ())):
                end.close()

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        turn = next(self._turns)
        for number in range(len(self._replicas)):
            replica = self._replicas[(turn + number) % len(self._replicas)]
            if replica.ready:
                with contextlib.suppress(OSError):
                    return await asyncio.open_connection("127.0.0.1", replica.port)
        return None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
