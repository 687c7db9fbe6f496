"""Large messages and answers leave the event loop to others, on both bindings."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from a2a.types import SendMessageRequest
from google.protobuf.json_format import MessageToDict, ParseDict

from tests.support.system import System
from tests.support.wire import body, rpc

TRIES = 4
"""The machine adds stalls of its own, and never takes one away."""

FILE = {"raw": base64.b64encode(os.urandom(20 * 1024 * 1024)).decode(), "filename": "a.csv", "mediaType": "text/csv"}
ROWS = [{"a": number, "b": f"text {number}", "c": number / 3, "d": None} for number in range(20_000)]
PARTS = {"a file": FILE, "data": {"data": ROWS}}


@asynccontextmanager
async def felt() -> AsyncIterator[list[float]]:
    """How long the event loop kept others waiting, each time."""
    waits: list[float] = []

    async def beat() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            waits.append(time.perf_counter() - before - 0.002)

    beating = asyncio.create_task(beat())
    yield waits
    await asyncio.sleep(0)
    beating.cancel()


def at_once(params: dict[str, Any]) -> float:
    """How long it takes to read and to write a message in one go, as it is done inside the loop of the SDK's routes."""
    content = json.dumps(params)
    started = time.perf_counter()
    request = ParseDict(json.loads(content), SendMessageRequest())
    json.dumps(MessageToDict(request), ensure_ascii=False).encode()
    return time.perf_counter() - started


async def whole(http: httpx.AsyncClient, url: str, content: bytes | None, headers: dict[str, str]) -> None:
    async with http.stream("POST" if content else "GET", url, content=content, headers=headers) as answer:
        assert answer.status_code == httpx.codes.OK
        size = 0
        async for chunk in answer.aiter_raw():
            size += len(chunk)
    assert size > 1_000_000, "the message comes back in its task's history"


@pytest.mark.parametrize("name", PARTS)
async def test_a_large_part_does_not_stall_the_loop(crossdock: System, name: str) -> None:
    agent = await crossdock.agent()
    params = body(parts=[{"text": "complete"}, PARTS[name]])
    plain, enveloped = json.dumps(params).encode(), json.dumps(rpc("SendMessage", params)).encode()
    http, headers = crossdock.http(), {**await crossdock.headers(), "Content-Type": "application/json"}
    limit = at_once(params) / 2
    for path, content in [
        *(("/message:send?", plain), ("/?", enveloped), ("/message:stream?", plain)),
        *(("/tasks?pageSize=1", None), ("/tasks?pageSize=4", None)),
    ]:
        longest = []
        for _ in range(TRIES):
            async with felt() as waits:
                await whole(http, f"{agent.url}{path}", content, headers)
            longest.append(max(waits))
            if longest[-1] < limit:
                break
        assert min(longest) < limit, f"{path}: the loop stood still for {longest} s"
