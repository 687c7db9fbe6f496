"""The rates that replicas share, by Redis' clock."""

import asyncio
from collections.abc import Callable

from redis import exceptions

from crossdock.tasks.rates import Rate, Rates
from crossdock.tasks.redis_link import plain_losses
from crossdock.tasks.redis_scripts import Scripts

PATIENCE = 0.5
PAUSE = 1.0
"""Who did not answer in `PATIENCE` seconds is not asked for so many: no request waits long for what may not matter."""


class RedisRates(Rates):
    """An owner's key lies in the shard of its name. The journal's own commands tell of an outage."""

    def __init__(self, shard_of: Callable[[str], str], scripts: Scripts) -> None:
        self._shard_of = shard_of
        self._scripts = scripts
        self._away_until = 0.0

    async def take(self, owner: str, rate: Rate) -> float:
        clock = asyncio.get_running_loop().time
        if clock() < self._away_until:
            return 0.0
        prefix, interval = self._shard_of(owner), 1000.0 * rate.interval
        try:
            async with asyncio.timeout(PATIENCE):
                with plain_losses():
                    return int(await self._scripts.run("take", prefix, owner, interval, rate.burst)) / 1000
        except (exceptions.RedisError, OSError):  # also the timeout's
            self._away_until = clock() + PAUSE
            return 0.0
