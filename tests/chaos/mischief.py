"""What is done to the system while it works."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

from tests.chaos.replica import Replica
from tests.chaos.system import LEASE_SECONDS, System

Deed = Callable[[], Awaitable[None]]


class Mischief:
    """Never takes away both replicas of a service at once. Every kind of deed is done before one is done again."""

    def __init__(self, system: System, chance: random.Random) -> None:
        self._system = system
        self._chance = chance
        self.done: Counter[str] = Counter()

    async def go_on(self, until: asyncio.Event) -> None:
        deeds: list[tuple[str, Deed]] = []
        while not (until.is_set() and self._all_done):
            if not deeds:
                deeds = list(self._deeds().items())
                self._chance.shuffle(deeds)
            name, deed = deeds.pop()
            await asyncio.sleep(self._chance.uniform(0.3, 1.5))
            self.done[name] += 1
            await deed()

    @property
    def _all_done(self) -> bool:
        return set(self.done) == set(self._deeds())

    def _deeds(self) -> dict[str, Deed]:
        deeds: dict[str, Deed] = {self._system.store.deed: self._store}
        for service, replicas in (("agent", self._system.agents), ("orchestrator", self._system.orchestrators)):
            for name, deed in (("kill -9", self._kill), ("SIGSTOP", self._sleep), ("SIGTERM", self._stop)):
                deeds[f"{name} {service}"] = partial(self._to_one, deed, replicas)
        return deeds

    async def _to_one(self, deed: Callable[[Replica], Awaitable[None]], replicas: list[Replica]) -> None:
        await deed(self._chance.choice(replicas))

    async def _kill(self, replica: Replica) -> None:
        replica.kill()
        await self._back(replica)

    async def _stop(self, replica: Replica) -> None:
        await replica.stop()
        await self._back(replica)

    async def _back(self, replica: Replica) -> None:
        replica.start()
        await replica.until_up(self._system.http)

    async def _sleep(self, replica: Replica) -> None:
        replica.sleep()
        await asyncio.sleep(self._chance.uniform(1.5, 3) * LEASE_SECONDS)
        replica.wake()
        await replica.until_up(self._system.http)

    async def _store(self) -> None:
        await self._system.store.crash(self._chance.uniform(0, 1.5 * LEASE_SECONDS))
