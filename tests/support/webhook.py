"""A webhook that a test tells what to answer: a real server on the loopback."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.serving import serve


@dataclass(frozen=True)
class Received:
    headers: Headers
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def number(self) -> int:
        return int(self.headers["crossdock-event"])

    @property
    def state(self) -> str:
        """The state of the task that the event tells; empty for an artifact."""
        told = self.event.get("task") or self.event.get("statusUpdate") or {}
        return str(told.get("status", {}).get("state", "")).removeprefix("TASK_STATE_").lower()


@dataclass
class Webhook:
    """Takes everything, but for the next requests as many as there are `answers`; hangs while `open` is not set."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        self.received.append(Received(request.headers, await request.body()))
        self._changed.set()
        answer = self.answers.pop(0) if self.answers else Response(status_code=204)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self.open.wait()
        return answer

    async def until(self, count: int) -> list[Received]:
        """What came, once it is so many."""
        async with asyncio.timeout(10):
            while len(self.received) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.received

    async def until_ended(self) -> list[Received]:
        """What came, once the task has ended."""
        count = 1
        while (await self.until(count))[-1].state not in {"completed", "failed", "canceled", "rejected"}:
            count = len(self.received) + 1
        return self.received


@asynccontextmanager
async def webhook() -> AsyncIterator[Webhook]:
    made = Webhook()
    made.open.set()
    async with serve(Starlette(routes=[Route("/hook", made.take, methods=["POST"])])) as url:
        made.url = f"{url}/hook"
        try:
            yield made
        finally:
            made.open.set()
