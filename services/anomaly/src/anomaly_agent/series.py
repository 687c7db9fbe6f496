"""Telling a time series from a table by looking, and taking the series out of it."""

from dataclasses import dataclass

import numpy as np

from anomaly_agent.profile import Column, Floats
from anomaly_agent.table import Table

FEWEST = 5
MOST_SERIES = 40
IN_ORDER = 0.9


@dataclass(frozen=True, slots=True)
class Series:
    """`rows` are the table's rows in the order of time; `times` are seconds since 1970, or None without a clock."""

    name: str
    field: str
    rows: np.typing.NDArray[np.intp]
    values: Floats
    times: Floats | None = None


def series_in(table: Table, columns: list[Column]) -> list[Series]:
    """The series that the table is, or none if it is a table of things rather than of readings.

    A series is one column of numbers alone, or numbers beside one column of moments that run one way and hardly ever
    repeat; a column of names may tell several sensors apart. Anything else makes it a table.
    """
    used = [column for column in columns if column.kind != "empty" and len(column.counts) > 1]
    clocks = [column for column in used if column.kind == "date"]
    numbers = [column for column in used if column.kind in ("number", "flag") and column.known.sum() >= FEWEST]
    names = [column for column in used if column.kind == "category"]
    counters = [column for column in used if column.kind == "id" and _is_counter(column)]
    rest = len(used) - len(clocks) - len(numbers) - len(names) - len(counters)
    if rest or not numbers or len(clocks) > 1 or len(names) > 1 or len(numbers) > MOST_SERIES:
        return []
    if not clocks:
        alone = len(numbers) == 1 and not names and numbers[0].known.mean() > 0.5
        return [_taken(numbers[0], None, np.arange(len(table)))] if alone else []
    groups = _groups(names[0]) if names else {"": np.arange(len(table))}
    if len(groups) > MOST_SERIES or not all(_runs(clocks[0].values[rows]) for rows in groups.values()):
        return []
    return [
        _taken(column, clocks[0], rows, label)
        for label, rows in groups.items()
        for column in numbers
        if np.sum(column.known[rows]) >= FEWEST
    ]


def _taken(column: Column, clock: Column | None, rows: np.typing.NDArray[np.intp], label: str = "") -> Series:
    name = f"{column.name} of {label}" if label else column.name
    if clock is None:
        return Series(name, column.name, rows, column.values[rows])
    rows = rows[clock.known[rows]]
    rows = rows[np.argsort(clock.values[rows], kind="stable")]
    return Series(name, column.name, rows, column.values[rows], clock.values[rows])


def _groups(column: Column) -> dict[str, np.typing.NDArray[np.intp]]:
    texts = np.array(column.texts, dtype=object)
    return {text: np.flatnonzero(texts == text) for text in column.counts if column.counts[text] >= FEWEST}


def _runs(moments: Floats) -> bool:
    """Whether the moments go one way and are rarely shared; days of deliveries repeat and jump about."""
    moments = moments[~np.isnan(moments)]
    if len(moments) < FEWEST:
        return False
    steps = np.diff(moments)
    forward, backward = float(np.mean(steps > 0)), float(np.mean(steps < 0))
    return max(forward, backward) >= IN_ORDER and len(np.unique(moments)) >= IN_ORDER * len(moments)


def _is_counter(column: Column) -> bool:
    steps = np.diff(column.values[column.known])
    return len(steps) > 0 and bool(np.mean(steps == 1) > IN_ORDER)
