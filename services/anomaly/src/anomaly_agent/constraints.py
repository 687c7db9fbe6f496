"""Checks a table against business rules."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from anomaly_agent.dates import parse_date, written
from anomaly_agent.numerals import parse_number
from anomaly_agent.patterns import Patterns
from anomaly_agent.profile import Column, is_missing
from anomaly_agent.rules import Rule, shown
from anomaly_agent.table import Table, plain
from anomaly_agent.violations import Violation
from anomaly_agent.wording import number

WORDS_FOR_TRUTH = ("true", "false", "yes", "no", "0", "1")


class RuleCheck:
    """Applies rules to one table; patterns share one budget of time."""

    def __init__(self, table: Table, columns: list[Column], patterns: Patterns) -> None:
        self._table = table
        self._columns = {column.name: column for column in columns}
        self._patterns = patterns

    def violations(self, rule: Rule) -> Iterator[Violation]:
        for key, wanted in rule.checks.items():
            if key == "unique":
                yield from self._repeated(rule) if wanted else ()
                continue
            for name in rule.fields:
                yield from self._broken(rule, key, wanted, self._columns[name])

    def _broken(self, rule: Rule, key: str, wanted: Any, column: Column) -> Iterator[Violation]:
        for row, text in enumerate(column.texts):
            if is_missing(text):
                fault = "is missing" if key == "required" and wanted else ""
            else:
                fault = self._fault(rule, key, wanted, column, row, text)
            if fault:
                message = rule.message or f"{column.name} {fault}"
                yield Violation(row, column.name, shown(key, wanted), message, self._table.rows[row][column.index])

    def _fault(self, rule: Rule, key: str, wanted: Any, column: Column, row: int, text: str) -> str:
        """What is wrong with a cell that is filled, or ""."""
        if key in BOUNDS:
            return _out_of_bounds(_number(column, row), text, key, wanted)
        if key in TEXTS:
            return TEXTS[key](text, wanted)
        if key == "type":
            return "" if _has_type(column, row, text, wanted) else f"is {text[:60]!r}, not {_article(wanted)}"
        if key == "pattern":
            return "" if self._patterns.found(wanted, text) else f"{text[:60]!r} does not match {wanted}"
        if key in ("not_before", "not_after"):
            return self._disorder(rule, key, wanted, column, row)
        return self._inequality(rule, wanted, column, row, text) if key == "equals" else ""

    def _disorder(self, rule: Rule, key: str, wanted: str, column: Column, row: int) -> str:
        moment = _moment(column, row)
        if moment is None:
            return f"is {column.texts[row][:60]!r}, not a date"
        other = self._columns.get(rule.others.get(wanted, ""))
        limit = _moment(other, row) if other else parse_date(wanted)
        if limit is None or (moment >= limit if key == "not_before" else moment <= limit):
            return ""
        side = "before" if key == "not_before" else "after"
        return f"({written(moment)}) is {side} {f'{other.name} ({written(limit)})' if other else written(limit)}"

    def _inequality(self, rule: Rule, wanted: Any, column: Column, row: int, text: str) -> str:
        if not isinstance(wanted, Mapping) and wanted not in rule.others:
            same = _number(column, row) == wanted if isinstance(wanted, int | float) else text == plain(wanted)
            return "" if same else f"is {text[:60]!r}, not {plain(wanted)!r}"
        kind, names = next(iter(wanted.items())) if isinstance(wanted, Mapping) else ("sum", [wanted])
        parts = [_number(self._columns[rule.others[name]], row) for name in names]
        known = [part for part in parts if part is not None]
        actual = _number(column, row)
        if actual is None or len(known) < len(parts):
            other = self._columns[rule.others[names[0]]]
            return (
                f"is {text[:60]!r}, not {other.texts[row][:60]!r}"
                if len(names) == 1 and text != other.texts[row]
                else ""
            )
        expected = float(np.prod(known) if kind == "product" else np.sum(known))
        if abs(actual - expected) <= rule.tolerance * abs(expected) + 0.005:
            return ""
        sign = " × " if kind == "product" else " + "
        return f"is {number(actual)}, but {sign.join(rule.others[name] for name in names)} is {number(expected)}"

    def _repeated(self, rule: Rule) -> Iterator[Violation]:
        columns = [self._columns[name] for name in rule.fields]
        first: dict[tuple[str, ...], int] = {}
        for row, texts in enumerate(zip(*(column.texts for column in columns), strict=True)):
            if all(map(is_missing, texts)):
                continue
            if texts in first:
                name = " + ".join(rule.fields)
                shown_texts = ", ".join(text[:60] for text in texts)
                message = rule.message or f"{name} {shown_texts!r} already stands in row {first[texts]}"
                yield Violation(row, name, "unique", message, self._table.rows[row][columns[0].index])
            first.setdefault(texts, row)


BOUNDS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "min": (lambda value, limit: value >= limit, "less than"),
    "max": (lambda value, limit: value <= limit, "more than"),
    "exclusive_min": (lambda value, limit: value > limit, "not more than"),
    "exclusive_max": (lambda value, limit: value < limit, "not less than"),
}
TEXTS: dict[str, Callable[[str, Any], str]] = {
    "min_length": lambda text, limit: "" if len(text) >= limit else f"has {len(text)} characters, fewer than {limit}",
    "max_length": lambda text, limit: "" if len(text) <= limit else f"has {len(text)} characters, more than {limit}",
    "enum": lambda text, wanted: (
        "" if text in map(plain, wanted) else f"is {text[:60]!r}, which is not one of the allowed values"
    ),
    "not_in": lambda text, unwanted: f"is {text[:60]!r}, which is not allowed" if text in map(plain, unwanted) else "",
}


def _out_of_bounds(value: float | None, text: str, key: str, limit: float) -> str:
    if value is None:
        return f"is {text[:60]!r}, not a number"
    keeps, words = BOUNDS[key]
    return "" if keeps(value, limit) else f"is {number(value)}, {words} {number(limit)}"


def _number(column: Column, row: int) -> float | None:
    if column.kind in ("number", "flag", "id") and not np.isnan(column.values[row]):
        return float(column.values[row])
    return parse_number(column.texts[row], "," if column.notation == "decimal comma" else ".")


def _moment(column: Column, row: int) -> float | None:
    if column.kind == "date" and not np.isnan(column.values[row]):
        return float(column.values[row])
    return parse_date(column.texts[row])


def _has_type(column: Column, row: int, text: str, wanted: str) -> bool:
    if wanted == "date":
        return _moment(column, row) is not None
    if wanted == "boolean":
        return text.lower() in WORDS_FOR_TRUTH
    value = _number(column, row)
    if wanted == "text":
        return True
    return value is not None and (wanted == "number" or value == int(value))


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"
