"""Days that come in the wrong order, lie impossibly far apart, or do not exist."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from anomaly_agent.dates import written
from anomaly_agent.findings import Finding
from anomaly_agent.profile import Column, impossible_date
from anomaly_agent.wording import span

FEWEST = 20
MOST_COLUMNS = 16
HOLDS = 0.985
"""Share of rows in which one day is not after another for that to count as a rule of this table."""
HOLDS_HINTED = 0.88
"""The same for columns whose names say which comes first, such as ordered and delivered."""
HOLDS_IN_FEW = 0.5
"""The same again where there are only a few rows to go by."""
DAY = 86400.0


def chronology(columns: list[Column]) -> Iterator[Finding]:
    """Findings of kind `date order`, `date gap`, `far date` and `impossible date`."""
    dates = [column for column in columns if column.kind == "date"][:MOST_COLUMNS]
    wrong: dict[int, list[Disorder]] = defaultdict(list)
    for earlier, later in permutations(dates, 2):
        for row, share in _disorders(earlier, later):
            wrong[row].append(Disorder(earlier, later, share))
    for row, disorders in wrong.items():
        yield from _explained(row, disorders)
    for position, first in enumerate(dates):
        for second in dates[position + 1 :]:
            yield from _gaps(first, second)
    for column in dates:
        yield from _far(column)
        yield from _impossible(column)


@dataclass(frozen=True, slots=True)
class Disorder:
    """Two days of one row in an order that `share` of the rows do not have."""

    earlier: Column
    later: Column
    share: float

    def gap(self, row: int) -> float:
        return float(self.earlier.values[row] - self.later.values[row])


def _disorders(earlier: Column, later: Column) -> Iterator[tuple[int, float]]:
    both = earlier.known & later.known
    gap = later.values - earlier.values
    count = int(both.sum())
    wrong = both & (gap < 0)
    if not wrong.any():
        return
    share = 1 - float(wrong.sum()) / count
    if _is_rule(earlier, later, count, share, gap[both]):
        yield from ((row, share) for row in np.flatnonzero(wrong).tolist())


def _explained(row: int, disorders: list[Disorder]) -> Iterator[Finding]:
    """One finding per day that is at fault: the one in most of the disorders first, until all are explained."""
    while disorders:
        counts = Counter(column.name for each in disorders for column in (each.earlier, each.later))
        # Of two days that are alike at fault, the later event is the likelier slip: it was written down last.
        culprit = max(disorders, key=lambda each: (counts[each.later.name], each.gap(row))).later.name
        if max(counts.values()) > counts[culprit]:
            culprit = max(counts, key=lambda name: counts[name])
        own = [each for each in disorders if culprit in (each.earlier.name, each.later.name)]
        yield _finding(row, culprit, own)
        disorders = [each for each in disorders if each not in own]


def _finding(row: int, culprit: str, disorders: list[Disorder]) -> Finding:
    worst = max(disorders, key=lambda each: each.gap(row))
    earlier, later = worst.earlier, worst.later
    reason = (
        f"{later.name} ({written(later.values[row])}) is {span(worst.gap(row))} before {earlier.name} "
        f"({written(earlier.values[row])}); in {100 * worst.share:.4g} % of the rows it is not"
    )
    others = [
        each.earlier.name if culprit == each.later.name else each.later.name for each in disorders if each is not worst
    ]
    if others:
        reason += f"; {culprit} is out of order with {', '.join(others)} as well"
    names = dict.fromkeys((culprit, later.name, earlier.name))
    return Finding(row, "date order", tuple(names), reason, 0.9)


def is_ordered(earlier: Column, later: Column) -> bool:
    """Whether there is enough to tell in which order they should be: telling names, or rows."""
    count = int((earlier.known & later.known).sum())
    return count >= (1 if _named_in_order(earlier, later) else FEWEST)


def _named_in_order(earlier: Column, later: Column) -> bool:
    hinted = "early" in earlier.hints and "late" in later.hints and not (earlier.hints | later.hints) & {"planned"}
    reversed_hint = "early" in later.hints and "late" in earlier.hints and "early" not in earlier.hints
    return hinted and not reversed_hint


def _is_rule(earlier: Column, later: Column, count: int, share: float, gaps: np.typing.NDArray[np.float64]) -> bool:
    if _named_in_order(earlier, later) and (share >= (HOLDS_HINTED if count >= FEWEST else HOLDS_IN_FEW) or count == 1):
        return True
    # Two days that are nearly always equal have no order, only exceptions.
    apart = float(np.mean(gaps > 0))
    return count >= FEWEST and share >= HOLDS and apart > 5 * (1 - share) and apart > 0.05


def _gaps(first: Column, second: Column) -> Iterator[Finding]:
    """Two days that are much further apart than in nearly all other rows: often a wrong year."""
    both = first.known & second.known
    if both.sum() < 5 * FEWEST:
        return
    gap = np.where(both, second.values - first.values, np.nan)
    low, middle, high = np.nanquantile(gap, [0.005, 0.5, 0.995])
    slack = max(2.0 * (high - low), 120 * DAY)
    far = both & ((gap > high + slack) | (gap < low - slack))
    if far.sum() > 0.005 * both.sum():
        return
    for row in np.flatnonzero(far).tolist():
        reason = (
            f"{first.name} ({written(first.values[row])}) and {second.name} ({written(second.values[row])}) are "
            f"{span(abs(gap[row]))} apart; usual are {span(middle) if abs(middle) >= 1 else 'the same day'}, at most "
            f"about {span(max(abs(high), abs(low)))}"
        )
        yield Finding(row, "date gap", (first.name, second.name), reason, 0.6)


def _far(column: Column) -> Iterator[Finding]:
    """A day years away from all others of its column."""
    if column.known.sum() < FEWEST:
        return
    low, high = np.nanquantile(column.values, [0.01, 0.99])
    slack = max(high - low, 365 * DAY) * 1.5
    for row in np.flatnonzero(column.known & ((column.values > high + slack) | (column.values < low - slack))).tolist():
        usual = f"nearly all others lie between {written(low)} and {written(high)}"
        reason = f"{column.name} is {written(column.values[row])}; {usual}"
        yield Finding(row, "far date", (column.name,), reason, 0.85)


def _impossible(column: Column) -> Iterator[Finding]:
    wrong = {text for text in column.counts if impossible_date(text)}
    if wrong:
        for row, text in enumerate(column.texts):
            if text in wrong:
                yield Finding(
                    row, "impossible date", (column.name,), f"{column.name}: {text} is a day that does not exist", 0.95
                )
