"""Regular expressions of callers, with a budget of time: a pattern that backtracks for ever ends in a clear refusal."""

import time
from typing import Any

import regex  # type: ignore[import-untyped]

from crossdock.errors import Rejected

LONGEST = 2_000


class Patterns:
    """Searches share `seconds` between them. Raises Rejected when it is used up and for what is no pattern."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._compiled: dict[str, Any] = {}

    def found(self, pattern: str, text: str) -> bool:
        """Whether the pattern occurs in the text, as JSON Schema's `pattern` means it: unanchored."""
        begin = time.monotonic()
        try:
            return self._prepared(pattern).search(text, timeout=max(self._left, 0.01)) is not None
        except TimeoutError:
            raise Rejected(
                f"The pattern {pattern[:80]!r} takes too long to match. Write it without nested repetition."
            ) from None
        finally:
            self._left -= time.monotonic() - begin

    def _prepared(self, pattern: str) -> Any:
        if pattern not in self._compiled:
            if len(pattern) > LONGEST:
                raise Rejected(f"A pattern is longer than {LONGEST:,} characters. Shorten it.")
            try:
                self._compiled[pattern] = regex.compile(pattern)
            except (regex.error, RecursionError, OverflowError, MemoryError):
                raise Rejected(f"The pattern {pattern[:80]!r} is no valid regular expression. Correct it.") from None
        return self._compiled[pattern]
