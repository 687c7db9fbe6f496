"""The last events of a task that this process works: whoever reads here need not ask the journal."""

from collections.abc import Iterable

from crossdock.tasks.bell import Bell
from crossdock.tasks.journal import Logged

KEPT_EVENTS = 64
KEPT_BYTES = 256 * 1024
"""A reader that is further behind reads the journal."""


class Tail:
    """`sequence` is the number of the last event that is stored; `bell` rings whenever anything changes.

    What it holds is shared: readers change nothing.
    """

    __slots__ = ("_bytes", "_recent", "bell", "closed", "sequence")

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.closed = False
        self._recent: list[tuple[Logged, int]] = []  # a deque is larger, and there are many of them
        self._bytes = 0
        self.bell = Bell()

    def add(self, events: Iterable[Logged]) -> None:
        """Events that follow each other and, but for a gap that readers see, those before them."""
        for logged in events:
            if logged.number != self.sequence + 1:
                self._recent.clear()
                self._bytes = 0
            self.sequence = logged.number
            size = logged.event.ByteSize()
            self._recent.append((logged, size))
            self._bytes += size
        while self._recent and (len(self._recent) > KEPT_EVENTS or self._bytes > KEPT_BYTES):
            self._bytes -= self._recent.pop(0)[1]
        self.bell.ring()

    def since(self, after: int) -> list[Logged] | None:
        """All events behind number `after`; None where they do not reach so far back."""
        if after >= self.sequence:
            return []
        if not self._recent or self._recent[0][0].number > after + 1:
            return None
        return [logged for logged, _ in self._recent if logged.number > after]

    def exhausted(self, after: int) -> bool:
        """Whether a reader that has event number `after` hears nothing more here."""
        return self.sequence < after or (self.closed and self.sequence == after)

    async def wait(self, after: int, seconds: float) -> bool:
        """Waits for an event behind number `after`, or for the end of the work here; False when none came in time."""
        if self.sequence > after or self.closed:
            return True
        return await self.bell.wait(seconds)

    def close(self) -> None:
        """From here on the events come from elsewhere."""
        self.closed = True
        self.bell.ring()
