"""The even grid behind a series, its length of day, and the daily or weekly pattern that it repeats."""

from dataclasses import dataclass

import numpy as np

from anomaly_agent.profile import Floats
from anomaly_agent.series import Series

DAY = 86400.0
SPARSE = 4.0
"""A grid that would have more than this many places per reading is not used."""
BINS_PER_DAY = 48
LIKE_ITSELF = 0.5
"""How well the pattern of one half of the days must predict that of the other (a correlation) to be taken off."""
STEEP = 8.0
"""Change from one bin to the next, in usual deviations, that makes a step."""
EXPLAINED = 0.2
"""Share of the variation that must go with the pattern."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`values` stand on even steps, NaN where there is no reading; `places` maps each reading to its place.

    `day` is the number of steps in a day, or the length that stands in for one where there is no clock.
    """

    values: Floats
    places: np.typing.NDArray[np.intp]
    day: int
    clocked: bool
    weekend: np.typing.NDArray[np.bool_] | None = None


def gridded(series: Series) -> Grid:
    count = len(series.values)
    stand_in = max(5, count // 30)
    if series.times is None or count < 10:
        return Grid(series.values, np.arange(count), stand_in, False)
    steps = np.diff(series.times)
    step = float(np.median(steps[steps > 0])) if np.any(steps > 0) else 0.0
    span = float(series.times[-1] - series.times[0])
    if step <= 0 or span / step > SPARSE * count:
        return Grid(series.values, np.arange(count), stand_in, False)
    places = np.round((series.times - series.times[0]) / step).astype(np.intp)
    values = np.full(int(places[-1]) + 1, np.nan)
    values[places] = series.values
    day = round(DAY / step)
    clocked = 12 <= day <= len(values) / 4
    return Grid(values, places, day if clocked else stand_in, clocked, _weekend(series.times[0], step, len(values)))


def without_pattern(grid: Grid) -> tuple[Floats, str]:
    """The values minus their weekly or daily pattern, and its name; unchanged and "" where there is none.

    Hours that always vary more than others are scaled down to the common measure.
    """
    if not grid.clocked:
        return grid.values, ""
    best, name, phase = EXPLAINED, "", None
    for candidate, days, bins in (("daily", 1, BINS_PER_DAY), ("weekly", 7, 7 * 24)):
        period = grid.day * days
        if len(grid.values) < 3 * period:
            continue
        phases = _phase(len(grid.values), period, min(period, bins))
        if _repeats(grid.values, phases, period) > LIKE_ITSELF and _explained(grid.values, phases, period) > best:
            # A week must explain clearly more than its days do, or the simpler pattern is taken.
            best, name, phase = _explained(grid.values, phases, period) + 0.1, candidate, phases
    if phase is None:
        return grid.values, ""
    levelled = _levelled(grid.values, phase)
    if name == "daily" and grid.weekend is not None and _both_kinds(grid):
        apart = _levelled(grid.values, phase + grid.weekend * (int(phase.max()) + 1))
        if np.nanmedian(np.abs(apart)) < 0.9 * np.nanmedian(np.abs(levelled)):
            return apart, "daily, weekends apart"
    return levelled, name


def _weekend(start: float, step: float, length: int) -> np.typing.NDArray[np.bool_]:
    """Whether each place lies on a Saturday or Sunday; 1 January 1970 was a Thursday."""
    weekend: np.typing.NDArray[np.bool_] = (((start + step * np.arange(length)) // DAY).astype(np.int64) + 3) % 7 >= 5
    return weekend


def _both_kinds(grid: Grid) -> bool:
    """Whether there are readings of two days or more of a weekend, and of a week."""
    known = ~np.isnan(grid.values)
    return grid.weekend is not None and all(
        np.sum(known & part) >= 1.5 * grid.day * known.mean() for part in (grid.weekend, ~grid.weekend)
    )


def _explained(values: Floats, phase: np.typing.NDArray[np.intp], period: int) -> float:
    """Share of the variation around slow changes that goes with the pattern."""
    turn = np.arange(len(values)) // period
    detrended = values - _per_bin(values, turn)[turn]
    rest = detrended - _per_bin(detrended, phase)[phase]
    before, after = (
        np.nanmean(np.clip(np.abs(part), 0, np.nanquantile(np.abs(part), 0.99)) ** 2) for part in (detrended, rest)
    )
    return float(1 - after / before) if before > 0 else 0.0


def _phase(length: int, period: int, bins: int) -> np.typing.NDArray[np.intp]:
    return (np.arange(length) % period) * bins // period


def _repeats(values: Floats, phase: np.typing.NDArray[np.intp], period: int) -> float:
    """Correlation of the patterns of even and odd periods, after slow changes are taken off."""
    turn = np.arange(len(values)) // period
    detrended = values - _per_bin(values, turn)[turn]
    halves = [_per_bin(np.where(turn % 2 == half, detrended, np.nan), phase) for half in (0, 1)]
    both = ~np.isnan(halves[0]) & ~np.isnan(halves[1])
    if both.sum() < 6 or np.std(halves[0][both]) == 0 or np.std(halves[1][both]) == 0:
        return 0.0
    return float(np.corrcoef(halves[0][both], halves[1][both])[0, 1])


def _levelled(values: Floats, phase: np.typing.NDArray[np.intp]) -> Floats:
    centre = _per_bin(values, phase)
    off = values - centre[phase]
    overall = float(np.nanmedian(np.abs(off)))
    # A step of the pattern may come a little early or late: between the levels around it nothing is off.
    near = np.stack([np.roll(centre, shift) for shift in (-1, 0, 1)])
    low, high = np.fmin.reduce(near), np.fmax.reduce(near)
    step = (high - low > STEEP * overall)[phase]
    between = np.maximum(values - high[phase], 0) - np.maximum(low[phase] - values, 0)
    off = np.where(step, between, off)
    if overall <= 0:
        return off
    spread = np.nan_to_num(_per_bin(np.abs(off), phase), nan=overall)
    # A bin alone has few readings; its neighbours' spread makes up for that.
    spread = np.mean([np.roll(spread, shift) for shift in (-2, -1, 0, 1, 2)], axis=0)
    levelled: Floats = off * overall / np.maximum(spread, overall)[phase]
    return levelled


def _per_bin(values: Floats, bins: np.typing.NDArray[np.intp]) -> Floats:
    """The median of each bin; NaN for a bin without values."""
    order = np.argsort(bins, kind="stable")
    edges = np.searchsorted(bins[order], np.arange(int(bins.max()) + 2))
    medians = np.full(int(bins.max()) + 1, np.nan)
    for index in range(len(medians)):
        members = values[order[edges[index] : edges[index + 1]]]
        members = members[~np.isnan(members)]
        if len(members):
            medians[index] = np.median(members)
    return medians
