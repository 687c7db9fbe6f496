"""Requests of several clients that go on while something else happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.served import Served, bearing
from tests.support.stack import until

PAUSE = 0.1
ENDING = 30.0
REQUESTS = 5
"""With one token: far from its rate limit."""


@dataclass
class Load:
    """Requests that go on, each client's one after the other, with a new token every few of them."""

    system: Served
    served: int = 0
    tokens: int = 0
    failed: list[str] = field(default_factory=list)
    over: bool = False

    async def go_on(self, name: str, client_id: str) -> None:
        http = self.system.http()
        while not self.over:
            headers = bearing(await self.system.token(client_id))
            self.tokens += 1
            for _ in range(REQUESTS):
                answer = await http.get(f"{self.system.path(name)}/tasks?pageSize=1", headers=headers)
                if answer.status_code != httpx.codes.OK:
                    self.failed.append(f"{name}: {answer.status_code} {answer.text}")
                self.served += 1
                await asyncio.sleep(PAUSE)

    async def more(self, count: int = 20) -> None:
        """Waits until so many more were served."""
        until_now = self.served

        async def enough() -> bool:
            return self.served >= until_now + count

        await until(enough, f"{count} requests were not served", 60)


@asynccontextmanager
async def load(system: Served) -> AsyncIterator[Load]:
    made = Load(system)
    names = {
        "acme": "acme-caller",
        "globex": "globex-caller",
        "anomaly": "acme-orchestrator",
        "contracts": "globex-orchestrator",
    }
    going = [asyncio.create_task(made.go_on(*each)) for each in names.items()]
    try:
        yield made
    finally:
        made.over = True  # a request that is cut off leaves its connection to the garbage collector
        await asyncio.wait(going, timeout=ENDING)
        for each in going:
            each.cancel()
        ended = await asyncio.gather(*going, return_exceptions=True)
        made.failed += [repr(each) for each in ended if isinstance(each, Exception)]
