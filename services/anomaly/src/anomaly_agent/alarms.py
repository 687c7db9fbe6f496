"""Alarms in a series: stretches that lie further out than the tail of its own ordinary readings explains."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from anomaly_agent.profile import Floats
from anomaly_agent.rhythm import Grid, gridded, without_pattern
from anomaly_agent.series import Series

CHANCE, CHANCE_OF_DAYS = 0.05, 1.0
"""Expected false exceedances per view of a series, if its tail goes on as its bulk begins. Means over a day are few and
calm: the question there is which days stand out, and a day too many costs a glance."""
SHAPE = (0.8, 2.0)
"""Weibull exponents: 1 is an exponential tail, 2 a normal one; heavier than 0.8 is taken for contamination."""
HEAVY_SHAPE = (0.35, 2.0)
MANY = 8
"""Separate stretches beyond the limit in one view from which they stop being exceptions."""
VISIBLE = 0.1
"""An alarm is off by at least this share of the range that 98 % of the readings take."""
FEWEST = 5
SMALL = 40
STUCK = 20
"""Equal readings in a row that make a stuck sensor, where at most the following share of neighbours is equal."""
MOSTLY_CHANGING = 0.2


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
    found = list(_stuck(series.values))
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
        chance = CHANCE_OF_DAYS if grid.clocked and length == grid.day else CHANCE
        yield _view("level", mean - np.nanmedian(mean), length, span, chance)
    if len(base) >= 4 * grid.day and len(base) >= SMALL:
        for length in (1, max(3, grid.day // 24)):
            mean = _mean(base, length)
            yield _view("jump", mean - _median(mean, 2 * (grid.day // 2) + 1), length, span, CHANCE)


def _view(name: str, off: Floats, length: int, span: float, chance: float) -> View:
    size = np.abs(off[~np.isnan(off)])
    if len(size) < SMALL:
        return View(name, off, length, max(_limit_of_few(size), VISIBLE * span))
    rarity = len(size) / length / chance
    limit = max(_tail_limit(size, rarity, (0.5, 0.9), SHAPE), VISIBLE * span)
    if _stretches(off, limit) > MANY:
        # So many are no exceptions: the tail is heavier than the bulk lets one think, and is taken from further out.
        limit = max(limit, _tail_limit(size, rarity, (0.9, 0.99), HEAVY_SHAPE))
    return View(name, off, length, limit)


def _tail_limit(size: Floats, rarity: float, at: tuple[float, float], shapes: tuple[float, float]) -> float:
    """The distance beyond which one of `rarity` readings lies, if a Weibull tail through two quantiles goes on.

    With the median and the 90 % quantile, up to a tenth of anomalies does not bend it.
    """
    near, far = np.quantile(size, at)
    if far <= 0:
        return float(size.max()) / 2 if size.max() > 0 else float("inf")
    near_depth, far_depth = -np.log(1 - at[0]), -np.log(1 - at[1])
    ratio = float(np.log(max(far / near, 1.01))) if near > 0 else np.inf
    shape = float(np.clip(np.log(far_depth / near_depth) / ratio, *shapes))
    return float(far * max(np.log(max(rarity, 10)) / far_depth, 1) ** (1 / shape))


def _limit_of_few(size: Floats) -> float:
    """Too few readings for a tail: ten times the usual deviation, or half the largest where there is none."""
    if not len(size) or size.max() <= 0:
        return float("inf")
    middle = float(np.median(size))
    return 10 * middle if middle > 0 else float(size.max()) / 2


def _stretches(off: Floats, limit: float) -> int:
    beyond = np.abs(np.nan_to_num(off)) > limit
    return int(np.sum(beyond[1:] & ~beyond[:-1]))


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


def _stuck(values: Floats) -> Iterator[Alarm]:
    """Stretches of one and the same reading in a series whose readings hardly ever repeat."""
    same = np.diff(values) == 0
    if len(values) < SMALL or same.mean() > MOSTLY_CHANGING:
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    usual = float(np.nanmedian(values))
    for start, end in edges.reshape(-1, 2).tolist():
        if end - start >= STUCK:
            off = float(values[start]) - usual
            yield Alarm(start, end, (start + end) // 2, (end - start) / STUCK, off, "stuck", 1, usual)


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
