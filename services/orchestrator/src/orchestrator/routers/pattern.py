"""Regular expressions of a customer's file: checked when it is read, bounded in time when they run.

Python's own `re` cannot be interrupted, so that one pattern like `(a+)+$` would stop a customer's orchestrator.
"""

import regex  # type: ignore[import-untyped]

SECONDS = 0.05


def check_pattern(pattern: str) -> None:
    """Raises `ValueError` with the place of the mistake."""
    try:
        regex.compile(pattern)
    except regex.error as error:
        place = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"is not a regular expression: {error.msg}{place}") from None


def finds(pattern: str, text: str) -> bool:
    """Whether the pattern occurs, upper and lower case alike. Raises `TimeoutError` after `SECONDS`."""
    return regex.search(pattern, text, flags=regex.IGNORECASE | regex.MULTILINE, timeout=SECONDS) is not None
