"""Waiting for an agent that gives no sign of life, and saying so."""

import asyncio
import random
import time
from dataclasses import dataclass

from crossdock.client.faults import asked_for, translated
from crossdock.errors import CrossdockError, Failed, TryLater, Unreachable

UNTOLD_SECONDS = 3.0
"""An absence as short as a takeover is not worth a word."""
FIRST_WAIT = 0.2
LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Away:
    """The agent takes no request, and is waited for. The text is for whoever waits with us."""

    text: str


class Patience:
    """Of one conversation: pauses that grow from failure to failure, and one `Away` for each absence."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.failures = 0
        self._asked_for = 0.0
        self._since: float | None = None
        self._how = ""
        self._told = False

    def answered(self) -> None:
        """The agent is there, though it may have nothing new."""
        self._since, self._told = None, False

    def heard(self) -> None:
        self.answered()
        self.failures = 0

    def failed(self, error: Exception | None) -> Away | None:
        """Notes a try that came to nothing, and returns what is to be said of it; None for a stream that just ended."""
        self.failures += 1
        self._asked_for = asked_for(error) if error is not None else 0.0
        if error is None:
            return None
        if self._since is None:
            self._since = time.monotonic()
            self._how = "cannot be reached" if isinstance(translated(self._name, error), Unreachable) else "is busy"
        if self._told or time.monotonic() - self._since < UNTOLD_SECONDS:
            return None
        self._told = True
        return Away(f"{self._name} {self._how} at present. Trying again until the task's time is over.")

    async def pause(self) -> None:
        longest = min(FIRST_WAIT * 2.0 ** min(self.failures - 1, 10), LONGEST_WAIT)
        await asyncio.sleep(self._asked_for + longest * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def verdict(self, limit: float) -> CrossdockError:
        """Why a conversation came to nothing in `limit` seconds."""
        if self._since is None:
            return Failed(f"{self._name} did not finish within {limit:g} s.")
        return TryLater(
            f"{self._name} {self._how} at present, and the task's time is over. Send the request again later."
        )
