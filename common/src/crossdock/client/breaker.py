"""A circuit breaker (M. Nygard, "Release It!"): an agent that is down is not asked by every request."""

import math
import time
from collections.abc import Callable

from crossdock.errors import Unreachable


class CircuitBreaker:
    """Opens after `failures` in a row; after `seconds` one call at a time may probe, and its success closes it."""

    def __init__(
        self, name: str, *, failures: int = 5, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0

    @property
    def calm(self) -> bool:
        """Whether the last call came through."""
        return not self._failures

    def admit(self) -> None:
        """Raises `Unreachable` while the circuit is open."""
        if self._failures < self._limit:
            return
        wait = self._retry_at - self._clock()
        if wait > 0:
            raise Unreachable(self._name, wait, f"in {math.ceil(wait)} s")
        self._retry_at = self._clock() + self._seconds  # this caller probes; the others wait for what it finds

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._retry_at = self._clock() + self._seconds
