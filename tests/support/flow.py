"""Tasks that follow one another while something happens, each followed to its end over as many streams as it takes."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.long_task import PAUSE, Watch, ended_once, long_message, watch
from tests.support.served import Served
from tests.support.stack import until

ROWS = 3_000
CALLERS = 2
"""Of each customer, at a time."""


@dataclass
class Flow:
    system: Served
    ended: dict[str, list[Watch]] = field(default_factory=dict)
    """Tasks that reached their end, by customer."""
    over: bool = False

    @property
    def count(self) -> int:
        return sum(len(each) for each in self.ended.values())

    async def go_on(self, customer: str) -> None:
        while not self.over:
            task = await watch(self.system, customer, f"{customer}-caller")
            await self._to_end(task)
            self.ended.setdefault(customer, []).append(task)

    async def _to_end(self, task: Watch) -> None:
        """A send that was not answered is sent again under the same key: it makes one task."""
        message, key = long_message(ROWS), str(uuid.uuid4())
        while not task.task_id:
            try:
                async with aclosing(task.send(message=message, Idempotency_Key=key)) as events:
                    async for _ in events:
                        pass
            except (httpx.TransportError, httpx.HTTPStatusError):
                await asyncio.sleep(PAUSE)
        await task.until_end()

    async def more(self, count: int = 2) -> None:
        """Waits until so many more have ended."""
        before = self.count

        async def enough() -> bool:
            return self.count >= before + count

        await until(enough, f"{count} tasks did not end", 120)


@asynccontextmanager
async def flow(system: Served, *customers: str) -> AsyncIterator[Flow]:
    """At the end every task has ended once, completed; and the shared agent worked one for each."""
    made = Flow(system)
    going = [asyncio.create_task(made.go_on(customer)) for customer in customers for _ in range(CALLERS)]
    try:
        yield made
        made.over = True
        async with asyncio.timeout(180):
            await asyncio.gather(*going)
    finally:
        for each in going:
            each.cancel()
        await asyncio.gather(*going, return_exceptions=True)
    for customer, tasks in made.ended.items():
        for task in tasks:
            await ended_once(system, task, customer)
