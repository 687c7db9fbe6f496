"""An HTTP/1.1 client that costs little, so that the server is what is measured. One connection a caller."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, Self

numbers = count()


def message(text: str) -> dict[str, Any]:
    return {"message": {"messageId": f"m-{next(numbers)}", "role": "ROLE_USER", "parts": [{"text": text}]}}


class Caller:
    """Keeps its connection; `headers` go with every request."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.port = port
        lines = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def rpc(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result; raises `RuntimeError` for an error."""
        status, headers = await self._ask(method, params)
        body = await self._reader.readexactly(int(headers[b"content-length"]))
        answer: dict[str, Any] = json.loads(body)
        if status != 200 or "result" not in answer:
            raise RuntimeError(f"{method}: {status} {body[:300]!r}")
        result: dict[str, Any] = answer["result"]
        return result

    async def stream(self, method: str, params: dict[str, Any]) -> AsyncIterator[bytes]:
        """Each SSE event's data."""
        status, _ = await self._ask(method, params)
        if status != 200:
            raise RuntimeError(f"{method}: {status}")
        rest = b""
        async for piece in self._chunks():
            *events, rest = (rest + piece.replace(b"\r\n", b"\n")).split(b"\n\n")
            for event in events:
                for line in event.split(b"\n"):
                    if line.startswith(b"data:"):
                        yield line[5:].strip()

    async def _ask(self, method: str, params: dict[str, Any]) -> tuple[int, dict[bytes, bytes]]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        self._writer.write(b"POST / HTTP/1.1\r\n" + self._head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await self._writer.drain()
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        pairs = (line.split(b":", 1) for line in lines if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, value in pairs}

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readline(), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
