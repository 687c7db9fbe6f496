"""Telling a time series from a table by looking, and taking the series out of it."""

from dataclasses import dataclass

import numpy as np

from anomaly_agent.profile import Column, Floats
from anomaly_agent.table import Table
from anomaly_agent.vocabulary import HINTS, hints, words_of

FEWEST = 5
MOST_SERIES = 40
IN_ORDER = 0.9
EVEN = 0.7
DAY = 86400.0
INDEX = HINTS["index"]
VALUES = frozenset({"value", "values", "wert", "werte", "valeur", "valor"})


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
    repeat; a column of names may tell several sensors apart. Anything else makes it a table, and so do numbers that
    count or price things, one record a day or at odd times, as orders and shipments do.
    """
    used = [column for column in columns if column.kind != "empty" and len(column.counts) > 1]
    clocks = [column for column in used if column.kind == "date"]
    numbers = [column for column in used if column.kind in ("number", "flag") and column.known.sum() >= FEWEST]
    names = [column for column in used if column.kind == "category"]
    counters = [column for column in used if column.kind == "id" and _is_counter(column)]
    rest = len(used) - len(clocks) - len(numbers) - len(names) - len(counters)
    others = sum(column.kind not in ("empty", "date") for column in columns)
    if _are_things(clocks, numbers, counters, others):
        return []
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


def _are_things(clocks: list[Column], numbers: list[Column], counters: list[Column], others: int) -> bool:
    """`others` counts the columns that hold something other than moments, the same in each row or not."""
    if any(not set(words_of(column.name)) <= INDEX for column in counters):
        return True  # orders or invoices that are numbered in turn
    if len(clocks) == 1 and _is_even(clocks[0].values):
        return False
    amounts = set().union(*(_measures(column.name) for column in numbers))
    event = any(column.hints & {"early", "late", "planned"} for column in clocks)
    if event:
        return bool(amounts)
    return bool(amounts & {"quantity", "money"}) and others > 1


def _measures(name: str) -> frozenset[str]:
    """`value` alone says nothing: sensors have values too."""
    return hints(" ".join(word for word in words_of(name) if word not in VALUES)) & {"quantity", "money", "weight"}


def _is_even(moments: Floats) -> bool:
    """Whether the moments tick like a logger: times of day, most of them the same step apart."""
    moments = moments[~np.isnan(moments)]
    steps = np.abs(np.diff(moments))
    usual = float(np.median(steps)) if len(steps) else 0.0
    return bool(np.any(moments % DAY) and np.mean(np.abs(steps - usual) <= 0.1 * usual) >= EVEN)


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
