"""Numbers that are far too large or too small for their row: a slipped unit, a lost decimal point."""

from collections.abc import Iterator

import numpy as np

from anomaly_agent.arithmetic import Relation
from anomaly_agent.expectation import expected_logs
from anomaly_agent.findings import Finding
from anomaly_agent.profile import Column, Floats
from anomaly_agent.regression import logarithms
from anomaly_agent.wording import number, times

FEWEST = 8
MOST_TARGETS = 8
NARROW, WIDE = 0.7, 1.5
"""Decades off the expectation that count: between a factor of 5, where rows are well predictable, and one of 32."""
SIGMAS = 8.0
EXCEPTIONS = 0.15
"""If more rows than this share are off, the expectation is, and not they."""
TAIL, NEAR = 0.005, 0.7
COVERED = 0.75


def magnitudes(columns: list[Column], found: list[Relation]) -> Iterator[Finding]:
    """Findings of kind `magnitude`.

    Columns that an exact relation already checks in nearly all rows are left to it. The others are compared, on a
    logarithmic scale, with what the rest of the row lets one expect.
    """
    targets = [column for column in columns if _is_measured(column) and not _is_checked(column, found)]
    # The emptiest columns give the least; a bound keeps wide tables within the time of a request.
    targets = sorted(targets, key=lambda column: -int(column.known.sum()))[:MOST_TARGETS]
    for column in targets:
        yield from _slipped(column, columns)


def _slipped(column: Column, columns: list[Column]) -> Iterator[Finding]:
    logs = logarithms(column)
    positive = ~np.isnan(logs)
    expected = expected_logs(column, logs, columns)
    off = logs - expected
    limit = _limit(off[positive])
    low, high = (_beyond_tail(side * off[positive], limit) for side in (-1, 1))
    far = positive & ((off > high) | (off < -low))
    if far.sum() > max(2, EXCEPTIONS * positive.sum()):
        return
    for row in np.flatnonzero(far).tolist():
        usual = 10.0 ** float(expected[row])
        reason = (
            f"{column.name} is {number(column.values[row])}, where the rest of the row suggests about "
            f"{number(float(f'{usual:.2g}'))}: {times(10.0 ** float(off[row]))}"
        )
        excess = abs(float(off[row])) / limit - 1
        yield Finding(row, "magnitude", (column.name,), reason, min(0.95, 1 - 0.45 * float(np.exp(-2 * excess))))


def _limit(off: Floats) -> float:
    """How many decades off is a fault, from how well the bulk of the rows is predicted."""
    middle = np.median(off)
    low, high = np.quantile(off, [0.1, 0.9])
    sigma = max(1.4826 * float(np.median(np.abs(off - middle))), float(high - low) / 2.563)
    return float(np.clip(SIGMAS * sigma, NARROW, WIDE))


def _beyond_tail(off: Floats, limit: float) -> float:
    """The limit, or twice as much on a side where many rows lie beyond it and still more just within.

    Slips stand apart from the other rows; a distribution with a long tail, such as small draws of a uniform one, thins
    out evenly.
    """
    beyond, within = int(np.sum(off > limit)), int(np.sum((off > NEAR * limit) & (off <= limit)))
    return 2 * limit if beyond > TAIL * len(off) and within > beyond else limit


def _is_measured(column: Column) -> bool:
    """A positive quantity of its own, not a code, a rank or a balance."""
    if column.kind != "number" or "signed" in column.hints or column.known.sum() < FEWEST:
        return False
    known = column.values[column.known]
    values, counts = np.unique(known, return_counts=True)
    return len(values) > 4 and bool(np.mean(known > 0) > 0.9) and bool(counts.max() < 0.9 * len(known))


def _is_checked(column: Column, found: list[Relation]) -> bool:
    shares = [float(np.mean(relation.state()[0][column.known])) for relation in found if column in relation.columns]
    return max(shares, default=0.0) >= COVERED
