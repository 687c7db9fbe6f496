"""A name server for what looks names up while it runs: addresses come and go as a test says."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

HEADER = struct.Struct("!6H")
ADDRESS = 1
ANSWER, UNKNOWN = 0x8180, 0x8183


class NameServer(asyncio.DatagramProtocol):
    """Answers questions for IPv4 addresses by `addresses`; the other names do not exist."""

    def __init__(self, addresses: dict[str, list[str]]) -> None:
        self.addresses = addresses
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        number = HEADER.unpack_from(data)[0]
        name, end = _name(data, HEADER.size)
        kind = struct.unpack_from("!H", data, end)[0]
        found = self.addresses.get(name)
        records = [_record(address) for address in found or []] if kind == ADDRESS else []
        header = HEADER.pack(number, UNKNOWN if found is None else ANSWER, 1, len(records), 0, 0)
        assert self._transport is not None
        self._transport.sendto(header + data[HEADER.size : end + 4] + b"".join(records), addr)


def _name(data: bytes, start: int) -> tuple[str, int]:
    """The name in a question, and where it ends."""
    labels = []
    while length := data[start]:
        labels.append(data[start + 1 : start + 1 + length].decode())
        start += 1 + length
    return ".".join(labels), start + 1


def _record(address: str) -> bytes:
    """For the name that was asked for, good for a second."""
    return struct.pack("!HHHIH", 0xC000 | HEADER.size, ADDRESS, 1, 1, 4) + socket.inet_aton(address)


@asynccontextmanager
async def name_server(addresses: dict[str, list[str]]) -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(addresses), local_addr=("127.0.0.1", 0), family=socket.AF_INET
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
