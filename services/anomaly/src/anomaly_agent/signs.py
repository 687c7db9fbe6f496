"""Negative and zero amounts in columns that hold neither otherwise."""

from collections.abc import Iterator

import numpy as np

from anomaly_agent.findings import Finding
from anomaly_agent.profile import Column

RARE_NEGATIVE = 0.12
RARE_ZERO = 0.003
RARE_ZERO_QUANTITY = 0.12
FEWEST, FEWEST_NAMED = 8, 2
SMALL = 30
RARE_IN_SMALL = 0.34
"""Share in a table of fewer than SMALL rows, where one row in three can be a single one."""


def signs(columns: list[Column]) -> Iterator[Finding]:
    """Findings of kind `negative` and `zero`."""
    for column in columns:
        if is_judged(column):
            yield from _negatives(column)
            yield from _zeros(column)


def is_judged(column: Column) -> bool:
    """Whether it holds numbers enough to say which sign they have."""
    fewest = FEWEST_NAMED if column.hints & {"quantity", "weight"} else FEWEST
    return column.kind in ("number", "flag") and bool(column.known.sum() >= fewest) and "signed" not in column.hints


def _negatives(column: Column) -> Iterator[Finding]:
    known = column.values[column.known]
    rows = np.flatnonzero(column.known & (column.values < 0))
    amount = column.hints & {"quantity", "weight", "money"}
    # Without a telling name, a lone negative among many is a slip, but one in ten may be what the column is for.
    allowed = RARE_NEGATIVE if amount else 0.02
    if not len(rows) or len(rows) > max(1, _bearable(allowed, len(known)) * len(known)):
        return
    if not amount and not _keeps_away_from_zero(known):
        return
    share = 100 * (1 - len(rows) / len(known))
    for row in rows.tolist():
        reason = f"{column.name} is {column.texts[row]}: negative, while {share:.4g} % of the column is not"
        yield Finding(row, "negative", (column.name,), reason, 0.95)


def _zeros(column: Column) -> Iterator[Finding]:
    known = column.values[column.known]
    rows = np.flatnonzero(column.known & (column.values == 0))
    if not len(rows) or not _is_counted(column):
        return
    rare = _bearable(RARE_ZERO_QUANTITY, len(known)) if "quantity" in column.hints else RARE_ZERO
    if len(rows) > max(1, rare * len(known)):
        return
    smallest = known[known > 0].min(initial=np.inf)
    for row in rows.tolist():
        reason = f"{column.name} is 0, while every other row has {smallest:g} or more"
        yield Finding(row, "zero", (column.name,), reason, 0.9)


def _bearable(share: float, count: int) -> float:
    return RARE_IN_SMALL if count < SMALL and share > 0.1 else share


def _is_counted(column: Column) -> bool:
    """Quantities and weights of nothing make no sense; a price of 0 does, and a small one may be rounded to it."""
    if "money" in column.hints:
        return False
    if column.hints & {"quantity", "weight"}:
        return True
    known = column.values[column.known]
    return column.decimals == 0 and _keeps_away_from_zero(known)


def _keeps_away_from_zero(known: np.typing.NDArray[np.float64]) -> bool:
    """Whether nearly all values are positive and of the same order: none near zero from which a sign could slip."""
    positive = known[known > 0]
    if len(positive) < 0.95 * len(known):
        return False
    low, middle = np.quantile(positive, [0.01, 0.5])
    return bool(low > 0.02 * middle)
