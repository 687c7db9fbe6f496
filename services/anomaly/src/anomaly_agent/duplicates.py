"""Rows that repeat another row but for its id, and ids that occur twice."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from anomaly_agent.findings import Finding
from anomaly_agent.profile import Column

MANY = 0.2
"""If more rows than this share are repeats, the columns do not tell rows apart and repeats mean nothing."""
FEWEST_ROWS, FEWEST_COLUMNS = 3, 3


def duplicates(columns: list[Column]) -> Iterator[Finding]:
    """Findings of kind `duplicate` and `repeated id`; of equal rows the ones that came later are reported."""
    used = [column for column in columns if column.kind != "empty"]
    if not used or len(used[0].texts) < FEWEST_ROWS:
        return
    keys = [column for column in used if _is_key(column)]
    rest = [column for column in used if column not in keys]
    repeated: set[int] = set()
    if len(rest) >= FEWEST_COLUMNS:
        for original, copy in _pairs(rest, keys):
            repeated.add(copy)
            yield _duplicate(original, copy, keys)
    for column in used:
        if _is_nearly_key(column):
            yield from _repeated_ids(column, repeated)


def _pairs(columns: list[Column], keys: list[Column]) -> list[tuple[int, int]]:
    """(original, copy) of rows that are equal in all these columns; none if the columns tell too few rows apart."""
    canonical = [_canonical(column) for column in columns]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for row, cells in enumerate(zip(*canonical, strict=True)):
        groups[cells].append(row)
    pairs = []
    for rows in groups.values():
        if len(rows) > 1:
            original = _original(rows, keys)
            pairs += [(original, row) for row in rows if row != original]
    return pairs if len(pairs) <= max(1, MANY * len(columns[0].texts)) else []


def _original(rows: list[int], keys: list[Column]) -> int:
    """The first; where ids run upwards, the one with the lowest, as a copy may have been put in above it."""
    for column in keys:
        if _runs_upwards(column):
            return min(rows, key=lambda row: float(column.values[row]))
    return rows[0]


def _runs_upwards(column: Column) -> bool:
    steps = np.diff(column.values)
    return bool(np.mean(steps > 0) > 0.9)  # NaN, as in ids with letters, is not greater


def _canonical(column: Column) -> list[object]:
    """Cells by their meaning: 1.0 and 1, 2-Jun-06 and 2006-06-02 are the same."""
    if column.kind in ("number", "date"):
        return [
            value if value == value else text.casefold()  # NaN is unequal to itself
            for value, text in zip(column.values.tolist(), column.texts, strict=True)
        ]
    return [" ".join(text.casefold().split()) for text in column.texts]


def _duplicate(original: int, copy: int, keys: list[Column]) -> Finding:
    but = f" but for {', '.join(column.name for column in keys)}" if keys else ""
    named = f" ({keys[0].name} {keys[0].texts[original]})" if keys else ""
    reason = f"repeats row {original}{named} in every column{but}"
    return Finding(copy, "duplicate", tuple(column.name for column in keys), reason, 0.9)


def _is_key(column: Column) -> bool:
    """All values different, and they name rows rather than measure something."""
    if column.kind != "id" or column.missing:
        return False
    return len(column.counts) == len(column.texts)


def _is_nearly_key(column: Column) -> bool:
    named = "identity" in column.hints and column.kind in ("id", "text")
    return named and column.filled >= 20 and 0 < column.filled - len(column.counts) <= max(1, 0.02 * column.filled)


def _repeated_ids(column: Column, repeated: set[int]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for row, text in enumerate(column.texts):
        if not text or column.counts[text] < 2:
            continue
        if text in first and row not in repeated:
            reason = f"{column.name} {text} already stands in row {first[text]}; nearly every other row has its own"
            yield Finding(row, "repeated id", (column.name,), reason, 0.75)
        first.setdefault(text, row)
