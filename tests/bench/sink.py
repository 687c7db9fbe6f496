"""`python -m tests.bench.sink PORT`: an OTLP/HTTP collector that takes all spans, and tells a GET how many bytes."""

import asyncio
import sys


class Sink(asyncio.Protocol):
    received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._held = bytearray()

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._held[:end]).lower()
            _, found, length = head.partition(b"\r\ncontent-length:")
            size = int(length.partition(b"\r\n")[0]) if found else 0
            if len(self._held) < end + 4 + size:
                return
            del self._held[: end + 4 + size]
            Sink.received += size
            self._answer(str(Sink.received).encode() if head.startswith(b"get ") else b"")

    def _answer(self, body: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
