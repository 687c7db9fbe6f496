"""A broken rule, and the report about all of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly_agent.limits import Limits
from anomaly_agent.markdown import bullets, escaped
from anomaly_agent.table import plain

SHOWN = 100
LONGEST_VALUE = 1_000


@dataclass(frozen=True, slots=True)
class Violation:
    """`rule` is the rule in short, as `min 1`; `value` the cell as it was sent."""

    row: int
    field: str
    rule: str
    message: str
    value: Any = None


def violation_data(
    found: Sequence[Violation], rows: int, rules: Sequence[str], origin: str, notes: Sequence[str], limits: Limits
) -> dict[str, Any]:
    """The artifact: `origin` is schema, rules or inferred."""
    broken = len({violation.row for violation in found})
    return {
        "violations": [_as_data(violation) for violation in found[: limits.records]],
        "summary": {
            "rows": rows,
            "valid_rows": rows - broken,
            "invalid_rows": broken,
            "violations": len(found),
            "listed": min(len(found), limits.records),
            "checked_against": origin,
            "rules": list(rules),
            "by_rule": dict(Counter(violation.rule for violation in found).most_common(50)),
            "by_field": dict(Counter(violation.field for violation in found).most_common(50)),
            "notes": list(notes),
        },
    }


def _as_data(violation: Violation) -> dict[str, Any]:
    """A long or nested value is given as the beginning of its text."""
    value = violation.value
    if isinstance(value, str | list | dict):
        text = value if isinstance(value, str) else plain(value)
        value = text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
    return {
        "row": violation.row,
        "field": violation.field[:LONGEST_VALUE],
        "rule": violation.rule,
        "message": violation.message,
        "value": value,
    }


def violation_report(data: dict[str, Any], headline: str) -> str:
    return "\n".join(_lines(data, headline)) + "\n"


def _lines(data: dict[str, Any], headline: str) -> Iterator[str]:
    about, violations = data["summary"], data["violations"]
    yield "# Validation report"
    yield ""
    yield f"{headline} Rows are counted from 0, without the header."
    yield from bullets("Rules", about["rules"])
    yield from bullets("Notes on reading", about["notes"])
    if violations:
        yield ""
        yield "| row | field | value | broken rule |"
        yield "|---:|---|---|---|"
        for violation in violations[:SHOWN]:
            value = "" if violation["value"] is None else escaped(str(violation["value"]), 80)
            field, message = escaped(violation["field"], 80), escaped(violation["message"])
            yield f"| {violation['row']} | {field} | {value} | {message} |"
    if about["violations"] > SHOWN:
        yield ""
        yield f"{about['violations'] - SHOWN:,} more; the artifact `violations` lists {about['listed']:,}."
