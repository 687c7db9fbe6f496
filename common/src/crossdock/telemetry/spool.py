"""Log lines on their way out: those of a moment leave in one write."""

import asyncio
import atexit
from collections import deque
from typing import TextIO

MOST = 1_000


class Spool:
    """Keeps lines for at most `seconds`, in threads that run a loop; elsewhere they are written at once.

    What is kept goes before any line that is written at once, and at the end of the process.
    """

    def __init__(self, stream: TextIO, *, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._lines: deque[str] = deque()
        self._due: asyncio.TimerHandle | None = None
        if seconds:
            atexit.register(self.flush)

    def add(self, line: str) -> None:
        self._lines.append(line)
        if not self._waits():
            self.flush()

    def add_at_once(self, line: str) -> None:
        self._lines.append(line)
        self.flush()

    def _waits(self) -> bool:
        if not self._seconds or len(self._lines) >= MOST:
            return False
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._due is None:
            self._due = loop.call_later(self._seconds, self._over)
        return True

    def _over(self) -> None:
        self._due = None
        self.flush()

    def flush(self) -> None:
        out = []
        while self._lines:
            try:
                out.append(self._lines.popleft())
            except IndexError:  # another thread was faster
                break
        if out:
            self._stream.write("\n".join(out) + "\n")
            self._stream.flush()
