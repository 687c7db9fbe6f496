"""How often each owner may ask: the generic cell rate algorithm (GCRA), which keeps one moment for each."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests may come at once, and their places are free again at so many a minute."""

    per_minute: int
    burst: int

    @property
    def interval(self) -> float:
        """Seconds from one free place to the next."""
        return 60.0 / self.per_minute


class Rates(ABC):
    """All processes on one store share each owner's rate."""

    @abstractmethod
    async def take(self, owner: str, rate: Rate) -> float:
        """Takes a place, or returns the seconds until there is one. A store that is away refuses nobody, and soon."""


class MemoryRates(Rates):
    """Those of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._whole: dict[str, float] = {}  # when the owner's whole burst is free again

    async def take(self, owner: str, rate: Rate) -> float:
        now = self._clock()
        whole = max(self._whole.get(owner, now), now) + rate.interval
        wait = whole - now - rate.burst * rate.interval
        if wait >= 0.001:  # as exact as Redis' clock is read
            return wait
        self._whole[owner] = whole
        return 0.0
