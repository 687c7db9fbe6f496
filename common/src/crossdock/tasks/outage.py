"""What is away is told once, and not by each of all that miss it: a log must stay readable when it is needed."""

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)
EVERY = 30.0
CALM = 2.0


class Outage:
    """Logs `away` for the first failure of each kind, then every 30 s how often it failed, and `back` at its end.

    The end is a success when nothing failed for two seconds: parts of a store can be away while others answer.
    `about` stands in every line.
    """

    def __init__(self, away: str, back: str, *, clock: Callable[[], float] = time.monotonic, **about: str) -> None:
        self._away = away
        self._back = back
        self._clock = clock
        self._about = about
        self._kinds: set[str] = set()
        self._times = 0
        self._since = self._told = self._last = 0.0

    def failed(self, kind: str, **told: str) -> None:
        """`kind` is for operators, without what only this failure knows; that is `told` beside it."""
        self._last = self._clock()
        if not self._kinds:
            self._since, self._times = self._last, 0
        self._times += 1
        if kind not in self._kinds:
            self._kinds.add(kind)
            self._told = self._last
            log.warning(self._away, error=kind, **self._about, **told)
        elif self._last - self._told >= EVERY:
            self._told = self._last
            log.warning(self._away, error=kind, **self._about, **told, **self._figures())

    def over(self) -> None:
        """Something succeeded."""
        if self._kinds and self._clock() - self._last >= CALM:
            self._kinds.clear()
            log.info(self._back, **self._about, **self._figures())

    def _figures(self) -> dict[str, float]:
        return {"seconds": round(self._last - self._since, 1), "times": self._times}
