"""A circuit breaker (M. Nygard, "Release It!"): an agent that is down is not asked by every request."""

import math
import time
from collections.abc import Callable

from crossdock.errors import Unreachable


class CircuitBreaker:
    """Opens after `failures` in a row; then one call at a time may probe, and its success closes it.

    Pauses between probes double from `first` to `longest` seconds: what waits for an agent that was restarted goes on
    soon.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        first: float = 0.5,
        longest: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._limit = failures
        self._first = first
        self._longest = longest
        self._clock = clock
        self._failures = 0
        self._pause = first
        self._retry_at = 0.0
        self._probing = False

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
        self._probing = True
        self._retry_at = self._clock() + self._longest  # the others wait for what this one finds

    def succeeded(self) -> None:
        self._failures = 0
        self._probing = False

    def failed(self) -> None:
        self._failures += 1
        if self._failures == self._limit:
            self._open(self._first)
        elif self._probing:
            self._open(min(2 * self._pause, self._longest))

    def _open(self, pause: float) -> None:
        self._probing = False
        self._pause = pause
        self._retry_at = self._clock() + pause
