"""Tables from JSON: an array of objects, an array of arrays, an object of columns, or one object per line."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from anomaly_agent.layout import laid_out, unique_names
from anomaly_agent.limits import Limits
from anomaly_agent.table import Table
from crossdock.errors import Rejected

WANTED = 'Send an array of objects, as in [{"id": 1, "quantity": 5}, ...], or {"records": [...]}.'
HALVES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
LONGEST_NUMBER = 300  # digits; what is longer stays text, as no float can hold it
WRAPPERS = ("records", "rows", "data", "items", "values", "results", "series", "measurements", "shipments")


def read_json(text: str, limits: Limits) -> Table:
    """A table from one JSON document or from JSON lines. Raises Rejected with the place of a syntax error."""
    doubled = Doubled()
    try:
        return from_value(_loaded(text, doubled), limits).noted(*doubled.notes())
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].lstrip().startswith(("{", "[")) and error.msg == "Extra data":
            return _from_lines(lines, limits)
        raise Rejected(
            f"The JSON is not valid: {error.msg} in line {error.lineno}, column {error.colno}. Correct it and send it "
            f"again."
        ) from None


def from_value(value: Any, limits: Limits) -> Table:
    """A table from a JSON value that is already parsed."""
    if isinstance(value, dict):
        return _from_object(value, limits)
    if not isinstance(value, list):
        raise Rejected(f"The JSON is a single value, not a table. {WANTED}")
    if not value:
        raise Rejected(f"The list of records is empty. {WANTED}")
    if all(isinstance(item, dict) for item in value):
        return _from_records(value, "json", limits)
    if all(isinstance(item, list) for item in value):
        return laid_out([row for row in value if row], "json", limits)
    if not any(isinstance(item, dict | list) for item in value):
        limits.check_shape(len(value), 1)
        return Table(("value",), [(item,) for item in value], "json")
    raise Rejected(f"The list mixes objects with other values. {WANTED}")


def _from_object(value: dict[str, Any], limits: Limits) -> Table:
    tables = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    if len(tables) > 1:
        listed = ", ".join(repr(key[:60]) for key in tables[:20])
        raise Rejected(f"The JSON object holds {len(tables)} lists of records ({listed}). Send one task per list.")
    for key in WRAPPERS:
        if isinstance(value.get(key), list):
            return from_value(value[key], limits)
    lists = {key: column for key, column in value.items() if isinstance(column, list)}
    if len(lists) == 1 and len(value) <= 5 and all(isinstance(item, dict) for item in next(iter(lists.values()))):
        return from_value(next(iter(lists.values())), limits)
    if lists and len(lists) == len(value):
        return _from_columns(lists, limits)
    if value and all(isinstance(item, dict) for item in value.values()):
        # pandas writes {column: {row: cell}} as well as {row: {column: cell}}; records keyed by id are the likelier.
        return _from_records(list(value.values()), "json", limits)
    raise Rejected(f"The JSON object holds no list of records. {WANTED}")


def _from_columns(columns: dict[str, list[Any]], limits: Limits) -> Table:
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1 or 0 in lengths:
        raise Rejected(f"The JSON object's columns are of different lengths or empty. {WANTED}")
    limits.check_shape(lengths.pop(), len(columns))
    names = unique_names([str(key) for key in columns], len(columns))
    return Table(names, list(zip(*columns.values(), strict=True)), "json")


def _from_records(records: Sequence[dict[str, Any]], form: str, limits: Limits) -> Table:
    limits.check_shape(len(records), 1)
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(record))
        if len(names) > limits.columns:
            limits.check_shape(len(records), len(names))
    if not names:
        raise Rejected(f"The records have no fields. {WANTED}")
    limits.check_shape(len(records), len(names))
    rows = [tuple(record.get(name) for name in names) for record in records]
    shown = dict(zip(names, unique_names(list(names), len(names)), strict=True))  # a key may be the empty string
    keys = [frozenset(shown[name] for name in record) for record in records]
    return Table(tuple(shown.values()), rows, form, keys=keys)


def _from_lines(lines: list[str], limits: Limits) -> Table:
    values = []
    doubled = Doubled()
    for number, line in enumerate(lines, start=1):
        try:
            values.append(_loaded(line, doubled))
        except json.JSONDecodeError as error:
            raise Rejected(
                f"Line {number} of the JSON lines is not valid JSON: {error.msg} at column {error.colno}. "
                "Write one complete object per line."
            ) from None
    table = from_value(values, limits)
    notes = (*table.notes, *doubled.notes())
    return Table(table.names, table.rows, "json lines", notes, table.widths, table.keys)


class Doubled:
    """Builds objects, and counts those that give a key more than once."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        self._count += len(built) < len(pairs)
        return built

    def notes(self) -> list[str]:
        count = f"{self._count:,} object(s) give a key more than once; the last value of each was read"
        return [count] if self._count else []


def whole(text: str) -> str:
    """JSON without the escapes of halves of characters: no answer could carry them, as UTF-8 has none."""
    return HALVES.sub(r"\\ufffd", text)


def _loaded(text: str, build: Doubled) -> Any:
    try:
        return json.loads(
            whole(text),
            parse_constant=lambda _: None,
            parse_float=lambda digits: value if math.isfinite(value := float(digits)) else digits,
            parse_int=lambda digits: int(digits) if len(digits) <= LONGEST_NUMBER else digits,
            object_pairs_hook=build,
        )
    except RecursionError:
        raise Rejected(f"The JSON is nested too deeply. {WANTED}") from None
