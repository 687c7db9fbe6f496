"""Work that many want done but that is done once, and less often while it fails."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from crossdock.auth.discovery import IssuerDown
from crossdock.errors import CrossdockError

log = structlog.get_logger(__name__)

FIRST_REST = 1.0
LONGEST_REST = 4.0
"""As long it takes at most until tokens work again after an issuer is back; every replica asks it so often."""
LONGEST_ASKED = 30.0


class Refresh:
    """Runs `work` at most once at a time. After a failure it rests: a second, then twice as long each time up to
    four, so that an issuer that is down is not asked by every request.

    `name` says in the log what is refreshed. `clock` counts seconds and never goes back.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._name = name
        self._work = work
        self._clock = clock
        self._flight: asyncio.Task[None] | None = None
        self._failures = 0
        self._rested_at = 0.0
        self.error: Exception | None = None
        """What the last run failed with; None after a good one."""

    @property
    def running(self) -> bool:
        return self._flight is not None and not self._flight.done()

    @property
    def rest(self) -> float:
        """Seconds until `start` does anything again."""
        return max(0.0, self._rested_at - self._clock()) if self.error else 0.0

    def start(self) -> None:
        """Begins in the background, unless it runs or rests."""
        if not self.running and not self.rest:
            self._flight = asyncio.create_task(self._run(), name=f"refresh {self._name}")

    async def join(self) -> None:
        """Waits for the run that is under way, if any. Never raises: look at `error`."""
        if self._flight is not None and self.running:
            # Unlike awaiting it, a caller that is cancelled here does not take the run from all the others.
            await asyncio.wait([self._flight])

    async def close(self) -> None:
        if self._flight is not None and self.running:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _run(self) -> None:
        try:
            await self._work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next caller must not be stuck with it
            self._failed(error)
        else:
            self._failures, self.error = 0, None

    def _failed(self, error: Exception) -> None:
        asked = error.retry_after if isinstance(error, IssuerDown) else 0.0
        rest = min(LONGEST_REST, FIRST_REST * 2**self._failures) * random.uniform(0.75, 1.0)  # noqa: S311 - jitter
        self._failures = min(self._failures + 1, 16)
        self._rested_at = self._clock() + max(rest, min(asked, LONGEST_ASKED))
        self.error = error
        unexpected = None if isinstance(error, CrossdockError) else error
        log.warning("refresh_failed", what=self._name, problem=str(error), failures=self._failures, exc_info=unexpected)
