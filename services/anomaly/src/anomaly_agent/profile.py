"""What each column holds: numbers with words among them, days in several spellings, ids, categories, text."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_agent.dates import looks_like_date, parse_date, prefers_day_first, written
from anomaly_agent.numerals import decimal_mark, parse_number
from anomaly_agent.table import Table, plain
from anomaly_agent.vocabulary import hints

Floats = NDArray[np.float64]
SAMPLE = 500
MOSTLY = 0.85
"""Share of filled cells that must be numbers (or dates) for a column with arbitrary words to count as one."""
PARTLY = 0.15
"""The same for a column whose words are a few remarks such as `Weight Captured Separately`, repeated."""


@dataclass(slots=True)
class Column:
    """`values` are numbers, or seconds since 1970 for dates; NaN where a cell is empty or words.

    `kind` is number, date, category, text, id, flag or empty. `texts` are the cells as text.
    """

    name: str
    index: int
    kind: str
    texts: list[str]
    values: Floats
    hints: frozenset[str]
    decimals: int = 0
    notation: str = ""
    missing: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def known(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.values)

    @property
    def filled(self) -> int:
        return len(self.texts) - self.missing

    def shown(self, row: int) -> str:
        return self.texts[row]


def profiled(table: Table) -> list[Column]:
    """A Column for each of the table's."""
    texts = [[plain(cell) for cell in table.column(index)] for index in range(len(table.names))]
    # Cells like 3/4/2024 are read alike in the whole table: one column with days beyond 12 decides for all.
    day_first = prefers_day_first(text for column in texts for text in set(column[:2000]) if "/" in text or "-" in text)
    return [_column(name, index, texts[index], day_first) for index, name in enumerate(table.names)]


def _column(name: str, index: int, texts: list[str], day_first: bool) -> Column:
    counts = Counter(texts)
    missing = sum(count for text, count in counts.items() if is_missing(text))
    column = Column(
        name, index, "text", texts, np.full(len(texts), np.nan), hints(name), missing=missing, counts=counts
    )
    distinct = [text for text in counts if not is_missing(text)]
    if not distinct:
        column.kind = "empty"
        return column
    mark = decimal_mark(distinct[:5000])
    numbers = {text: value for text in distinct if (value := parse_number(text, mark)) is not None}
    if _is_kind(column, numbers):
        _become_number(column, numbers, mark)
        return column
    dates = {text: value for text in distinct if (value := parse_date(text, day_first)) is not None}
    if _is_kind(column, dates):
        column.kind, column.notation = "date", "day first" if day_first else "month first"
        column.values = _spread(texts, dates)
        return column
    column.kind = _word_kind(column, len(distinct))
    return column


def _become_number(column: Column, numbers: dict[str, float], mark: str) -> None:
    column.kind, column.notation = "number", "decimal comma" if mark == "," else ""
    column.values = _spread(column.texts, numbers)
    column.decimals = _decimals(column.values)
    if _compact_days(column):
        column.kind = "date"
        column.values = _spread(column.texts, {text: _compact(text) for text in numbers})
    elif _is_identity(column):
        column.kind = "id"
    elif len(numbers) <= 2 and set(numbers.values()) <= {0.0, 1.0}:
        column.kind = "flag"


def is_missing(text: str) -> bool:
    return text.lower() in ("", "na", "n/a", "nan", "null", "none", "-", "--", "?", "#n/a", "nil", "k.a.", "s/o", "nat")


def pattern(text: str) -> str:
    """A remark without its particulars: `See DN-304 (ID#:10589)` and `See DN-7 (ID#:9)` are the same."""
    return re.sub(r"[0-9]+", "0", text)


def _is_kind(column: Column, parsed: dict[str, float]) -> bool:
    """Whether so many cells parse, or so few kinds of remarks are left over, that the column is of this kind."""
    hits = sum(column.counts[text] for text in parsed)
    if not column.filled or (hits < 3 and hits < column.filled):
        return False
    share = hits / column.filled
    if share >= MOSTLY:
        return True
    remarks = {pattern(text) for text in column.counts if text not in parsed and not is_missing(text)}
    return share >= PARTLY and len(remarks) <= 12 and len(parsed) > 2 * len(remarks)


def _spread(texts: list[str], parsed: dict[str, float]) -> Floats:
    nan = float("nan")
    return np.array([parsed.get(text, nan) for text in texts], dtype=np.float64)


def _decimals(values: Floats) -> int:
    """Digits after the point that all but a few of the values need."""
    known = values[~np.isnan(values)][:5000]
    for digits in range(7):
        if np.mean(np.abs(known - np.round(known, digits)) < 1e-9 * np.maximum(1, np.abs(known))) >= 0.99:
            return digits
    return 9


def _compact_days(column: Column) -> bool:
    """Whole numbers like 20240131 in a column that is called a date."""
    if column.decimals or not column.hints & {"time", "early", "late", "planned"}:
        return False
    known = column.values[column.known]
    return bool(np.all((known > 19000101) & (known < 21001231))) and all(
        parse_date(f"{value[:4]}-{value[4:6]}-{value[6:]}") is not None
        for value in list(column.counts)[:50]
        if len(value) == 8
    )


def _compact(text: str) -> float:
    value = parse_date(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    return float("nan") if value is None else value


def _is_identity(column: Column) -> bool:
    """Whole numbers that name things: nearly all different, and called an id or running upwards."""
    known = column.values[column.known]
    if column.decimals or len(known) < 3 or np.any(known < 0):
        return False
    distinct = len(np.unique(known)) / len(known)
    named = "identity" in column.hints and not column.hints & {"quantity", "weight", "money"}
    padded = sum(text.startswith("0") and len(text) > 1 for text in column.texts[:SAMPLE]) > 5
    running = distinct > 0.99 and len(known) > 9 and np.mean(np.diff(known) == 1) > 0.9
    return bool((named and (distinct > 0.5 or len(known) < 20)) or padded or running)


def _word_kind(column: Column, distinct: int) -> str:
    if distinct <= 2 and {text.lower() for text in column.counts} <= {
        "true",
        "false",
        "yes",
        "no",
        "y",
        "n",
        "ja",
        "nein",
        "",
    }:
        return "flag"
    if distinct > 0.95 * column.filled and column.filled > 3:
        return "id" if "identity" in column.hints or not any(" " in text for text in column.texts[:SAMPLE]) else "text"
    return "category" if distinct <= max(20, 0.1 * column.filled) else "text"


def summary(column: Column) -> dict[str, Any]:
    """What the `columns` of the artifact say about one column."""
    about: dict[str, Any] = {"kind": column.kind, "filled": column.filled, "missing": column.missing}
    known = column.values[column.known]
    if column.kind in ("number", "date") and len(known):
        show = written if column.kind == "date" else lambda value: float(f"{value:.6g}")
        about |= {
            "min": show(float(known.min())),
            "median": show(float(np.median(known))),
            "max": show(float(known.max())),
        }
        words = Counter({text: count for text, count in column.counts.items() if not is_missing(text)})
        for text in [text for text, value in zip(column.texts, column.values, strict=True) if not np.isnan(value)]:
            words.pop(text, None)
        if words:
            about["words"] = {"count": words.total(), "examples": [text[:60] for text, _ in words.most_common(3)]}
    else:
        about["distinct"] = len(column.counts)
    if column.notation and (column.kind != "date" or any("/" in text for text in column.texts[:SAMPLE])):
        about["read_as"] = column.notation
    return about


def impossible_date(text: str) -> bool:
    return looks_like_date(text) and parse_date(text) is None and parse_date(text, True) is None
