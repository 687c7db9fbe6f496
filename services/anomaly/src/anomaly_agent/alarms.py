"""Alarms in a series: stretches that lie further out than the tail of its own ordinary readings explains."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from anomaly_agent.profile import Floats
from anomaly_agent.rhythm import Grid, gridded, without_pattern
from anomaly_agent.series import Series

CHANCE, CHANCE_OF_DAYS = 0.2, 1.0
"""Expected false exceedances per view of a series, if its tail goes on as its bulk begins. Means over a day are few and
calm: the question there is which days stand out, and a day too many costs a glance."""
SHAPE = (0.8, 2.0)
"""Weibull exponents: 1 is an exponential tail, 2 a normal one; heavier than 0.8 is taken for contamination."""
VISIBLE = 0.1
"""An alarm is off by at least this share of the range that 98 % of the readings take."""
FEWEST = 5
SMALL = 40


@dataclass(frozen=True, slots=True)
class View:
    """One way to look: `off` is the distance from what is usual, per place of the grid; `length` in steps."""

    name: str
    off: Floats
    length: int
    limit: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """Places `start`..`end` (inclusive) of the series, worst at `peak`; `excess` is off / limit, at least 1."""

    start: int
    end: int
    peak: int
    excess: float
    off: float
    view: str
    length: int
    usual: float


def alarms(series: Series) -> tuple[list[Alarm], str]:
    """The alarms in order of time, and the pattern that was taken off first (weekly, daily or "")."""
    known = ~np.isnan(series.values)
    if known.sum() < FEWEST or np.ptp(series.values[known]) == 0:
        return [], ""
    grid = gridded(series)
    base, pattern = without_pattern(grid)
    gap = max(2, len(series.values) // 200)
    found: list[Alarm] = []
    for view in sorted(views(grid, base), key=lambda view: view.length):
        # What a shorter view has placed more exactly, a longer one need not repeat.
        fresh = [alarm for alarm in _exceedances(view, grid) if not any(_touch(alarm, other, gap) for other in found)]
        found += _merged(fresh, gap)
    return sorted(found, key=lambda alarm: alarm.start), pattern


def views(grid: Grid, base: Floats) -> Iterator[View]:
    """Single readings and means over an hour, six hours and a day, against all others and against the day around."""
    span = float(np.subtract(*np.nanquantile(grid.values, [0.99, 0.01])))
    lengths = sorted({1, max(3, grid.day // 24), max(4, grid.day // 4), grid.day}) if len(base) >= SMALL else [1]
    for length in lengths:
        mean = _mean(base, length)
        yield _view("level", mean - np.nanmedian(mean), length, span, CHANCE if length < grid.day else CHANCE_OF_DAYS)
    if len(base) >= 4 * grid.day and len(base) >= SMALL:
        for length in (1, max(3, grid.day // 24)):
            mean = _mean(base, length)
            yield _view("jump", mean - _median(mean, 2 * (grid.day // 2) + 1), length, span, CHANCE)


def _view(name: str, off: Floats, length: int, span: float, chance: float) -> View:
    size = np.abs(off[~np.isnan(off)])
    return View(name, off, length, max(_tail_limit(size, len(size) / length / chance), VISIBLE * span))


def _tail_limit(size: Floats, rarity: float) -> float:
    """The distance beyond which one of `rarity` readings lies.

    A Weibull tail is laid through the median and the 90 % quantile: up to a tenth of anomalies does not bend it.
    """
    if not len(size):
        return float("inf")
    middle, high = np.quantile(size, [0.5, 0.9])
    if high <= 0:
        return float("inf") if size.max() <= 0 else float(size.max()) / 2
    ratio = float(np.log(max(high / middle, 1.01))) if middle > 0 else np.inf
    shape = float(np.clip(np.log(np.log(10) / np.log(2)) / ratio, *SHAPE))
    if len(size) < SMALL:
        # Too few readings for a tail: ten times the usual deviation.
        return float(max(10 * middle, 2 * high if middle == 0 else 0))
    return float(high * (np.log(max(rarity, 10)) / np.log(10)) ** (1 / shape))


def _exceedances(view: View, grid: Grid) -> Iterator[Alarm]:
    """Stretches beyond the limit; one goes on while readings stay beyond half of it."""
    over = np.nan_to_num(np.abs(view.off)) / view.limit if np.isfinite(view.limit) else np.zeros(len(view.off))
    over = np.where(np.isnan(grid.values), 0.0, over)[grid.places]
    beyond = over >= 0.5
    edges = np.flatnonzero(np.diff(np.concatenate(([0], beyond.astype(np.int8), [0]))))
    usual = float(np.nanmedian(grid.values))
    for start, end in edges.reshape(-1, 2).tolist():
        peak = start + int(np.argmax(over[start:end]))
        if over[peak] >= 1:
            off = float(view.off[grid.places[peak]])
            yield Alarm(start, end - 1, peak, float(over[peak]), off, view.name, view.length, usual)


def _touch(alarm: Alarm, other: Alarm, gap: int) -> bool:
    return alarm.start - gap <= other.end and other.start <= alarm.end + gap


def _merged(found: list[Alarm], gap: int) -> list[Alarm]:
    """Alarms that overlap or nearly touch are one, told by the one furthest out."""
    merged: list[Alarm] = []
    for alarm in sorted(found, key=lambda alarm: alarm.start):
        if merged and alarm.start - merged[-1].end <= gap:
            last = merged[-1]
            worst = max(last, alarm, key=lambda each: each.excess)
            merged[-1] = replace(worst, start=last.start, end=max(last.end, alarm.end))
        else:
            merged.append(alarm)
    return merged


def _mean(values: Floats, length: int) -> Floats:
    if length <= 1:
        return values
    rolled: Floats = pd.Series(values).rolling(length, center=True, min_periods=max(1, length // 2)).mean().to_numpy()
    return rolled


def _median(values: Floats, length: int) -> Floats:
    rolled: Floats = pd.Series(values).rolling(length, center=True, min_periods=max(1, length // 2)).median().to_numpy()
    return rolled
