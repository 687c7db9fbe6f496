"""A Service's forwarding, of the standard library alone: it runs in a container that is in its clients' networks.

Reads FILE whenever it changes: {"listen": [[address, port, name], ...], "backends": {name: ["host:port", ...]}}.
A port without backends is not listened on, so that a connection is refused as by a cluster.
"""

import asyncio
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

FILE = Path("/forwards/forwards.json")
PAUSE = 0.03
HIGH = 1 << 20


class End(asyncio.Protocol):
    """One of the two ends of a connection; what comes in here goes out there."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH)

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """What comes from the other side goes on; when neither sends any more both are closed."""
        self.ended = True
        if self.other is None or self.other.transport is None:
            return False
        if self.other.ended:
            self.other.transport.close()
            return False
        self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if self.other and self.other.transport:
            self.other.transport.abort() if error else self.other.transport.close()


class Door(End):
    """The client's end: it connects to the next backend before it reads."""

    def __init__(self, forwards: "Forwards", name: str) -> None:
        super().__init__()
        self._forwards, self._name = forwards, name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport
        self.transport.pause_reading()
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        assert self.transport
        try:
            host, port = self._forwards.next(self._name)
            _, end = await asyncio.get_running_loop().create_connection(End, host, port)
        except (OSError, LookupError):
            self.transport.abort()
            return
        end.other, self.other = self, end
        self.transport.resume_reading()


class Forwards:
    def __init__(self) -> None:
        self.backends: dict[str, list[str]] = {}
        self._turns = itertools.count()
        self._servers: dict[tuple[str, int, str], asyncio.Server] = {}

    def next(self, name: str) -> tuple[str, int]:
        """In turns."""
        known = self.backends[name]
        host, port = known[next(self._turns) % len(known)].rsplit(":", 1)
        return host, int(port)

    async def take(self, listen: list[list[object]], backends: dict[str, list[str]]) -> None:
        self.backends = {name: known for name, known in backends.items() if known}
        wanted = {(str(host), int(str(port)), str(name)) for host, port, name in listen if name in self.backends}
        for gone in self._servers.keys() - wanted:
            self._servers.pop(gone).close()
        for host, port, name in wanted - self._servers.keys():
            serve = asyncio.get_running_loop().create_server
            self._servers[host, port, name] = await serve(lambda name=name: Door(self, name), host, port)  # type: ignore[misc]


def _read() -> Any:
    return json.loads(FILE.read_text())


async def main() -> None:
    forwards, seen = Forwards(), 0
    while True:
        try:
            now = os.stat(FILE).st_mtime_ns
            if now != seen:
                content = _read()
                await forwards.take(content["listen"], content["backends"])
                seen = now
        except (OSError, ValueError) as error:
            print(repr(error), file=sys.stderr, flush=True)
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(main())
