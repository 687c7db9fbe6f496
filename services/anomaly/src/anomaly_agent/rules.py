"""Business rules as callers write them.

    {"field": "quantity", "required": true, "type": "integer", "min": 1, "max": 5000}
    {"field": "carrier", "enum": ["DHL", "DSV"]}
    {"field": "sku", "pattern": "^[A-Z]{3}-[0-9]+$", "unique": true}
    {"field": "delivered", "not_before": "ordered"}
    {"field": "ordered", "not_after": "2026-12-31"}
    {"field": "value", "equals": {"product": ["quantity", "price"]}, "tolerance": 0.01}
    {"fields": ["order", "line"], "unique": true}

A mapping from field to the rest of a rule is taken as well: {"quantity": {"min": 1}}. `message` replaces our wording.
A rule may be a text, as `quantity > 0`; a text alone holds one or several (`anomaly_agent.expressions`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anomaly_agent.expressions import GRAMMAR, expressed, split
from anomaly_agent.numerals import LARGEST
from anomaly_agent.vocabulary import words_of
from crossdock.errors import Rejected

TYPES = ("number", "integer", "date", "text", "boolean")
BOUND_KEYS = ("min", "max", "exclusive_min", "exclusive_max", "min_length", "max_length")
KEYS = frozenset(
    (*BOUND_KEYS, "required", "type", "pattern", "enum", "not_in", "unique", "not_before", "not_after", "equals")
)
NEUTRAL = frozenset({"field", "fields", "message", "name", "tolerance", "description"})
MOST = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """`fields` are names of the table; `checks` the keys of KEYS that were given."""

    fields: tuple[str, ...]
    checks: dict[str, Any]
    tolerance: float = 0.01
    message: str = ""
    others: dict[str, str] = field(default_factory=dict)
    """Names that the rule uses for other fields, and what the table calls them."""

    def __str__(self) -> str:
        return f"{' + '.join(self.fields)}: " + ", ".join(shown(key, value) for key, value in self.checks.items())


def shown(key: str, value: Any) -> str:
    """A check in short: `min 1`, `not before ordered`, `equals quantity x price`."""
    if value is True:
        return key.replace("_", " ")
    if isinstance(value, Mapping):
        kind, names = next(iter(value.items()))
        return f"{key} " + (" x " if kind == "product" else " + ").join(map(str, names))
    if isinstance(value, list):
        return f"{key.replace('_', ' ')} " + ", ".join(map(str, value[:10])) + (", ..." if len(value) > 10 else "")
    return f"{key.replace('_', ' ')} {value}"


def parsed(value: Any, names: Sequence[str]) -> list[Rule]:
    """The rules over a table with these column names. Raises Rejected, naming the rule that is not understood."""
    if isinstance(value, str):
        value = split(value)
    if isinstance(value, Mapping) and not value.keys() & {"field", "fields"}:
        value = [{"field": name, **_mapping(rest, name)} for name, rest in value.items()]
    elif isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list) or not value:
        raise Rejected(f"The rules are no list of rules, or an empty one. Send at least one. {GRAMMAR}.")
    if len(value) > MOST:
        raise Rejected(f"At most {MOST} rules are taken at a time. Send fewer.")
    return [_rule(_mapping(item, f"number {number}"), number, names) for number, item in enumerate(value, start=1)]


def _mapping(item: Any, what: str) -> Mapping[str, Any]:
    rule = expressed(item) if isinstance(item, str) else item
    if not isinstance(rule, Mapping):
        raise Rejected(f"Rule {what[:80]}, {str(item)[:80]!r}, cannot be read. {GRAMMAR}.")
    return rule


def _rule(item: Mapping[str, Any], number: int, names: Sequence[str]) -> Rule:
    given = item.get("fields", item.get("field"))
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise Rejected(f'Rule {number} names no field. Add "field": one of {_listed(names)}.')
    checks = {key: value for key, value in item.items() if key not in NEUTRAL}
    unknown = checks.keys() - KEYS
    if unknown or not checks:
        what = f"has the unknown key {sorted(unknown)[0]!r}" if unknown else "checks nothing"
        raise Rejected(f"Rule {number} {what}. Known are {', '.join(sorted(KEYS))}.")
    _check_values(checks, number)
    others = {name: _field(name, number, names) for name in _references(checks, names)}
    fields = tuple(_field(name, number, names) for name in given)
    return Rule(fields, checks, _tolerance(item, number), str(item.get("message", ""))[:300], others)


def _tolerance(item: Mapping[str, Any], number: int) -> float:
    tolerance = item.get("tolerance", 0.01)
    if not _is_number(tolerance) or tolerance < 0:
        raise Rejected(f"Rule {number}: tolerance is a share of the value, such as 0.01.")
    return float(tolerance)


def _check_values(checks: Mapping[str, Any], number: int) -> None:
    """What each key must be given."""
    for key in BOUND_KEYS:
        if key in checks and not _is_number(checks[key]):
            raise Rejected(f"Rule {number}: {key} must be a number.")
    for key in ("enum", "not_in"):
        if key in checks and not isinstance(checks[key], list):
            raise Rejected(f"Rule {number}: {key} must be a list of values.")
    for key in ("pattern", "not_before", "not_after"):
        if key in checks and not isinstance(checks[key], str):
            raise Rejected(f"Rule {number}: {key} must be a text.")
    if checks.get("type", "text") not in TYPES:
        raise Rejected(f"Rule {number}: type must be one of {', '.join(TYPES)}.")
    equals = checks.get("equals")
    if isinstance(equals, Mapping) and not _is_formula(equals):
        raise Rejected(
            f'Rule {number}: equals takes a field, a number, {{"product": [fields]}} or {{"sum": [fields]}}.'
        )


def _is_formula(equals: Mapping[str, Any]) -> bool:
    if len(equals) != 1 or not equals.keys() <= {"product", "sum"}:
        return False
    names = next(iter(equals.values()))
    return isinstance(names, list) and 1 <= len(names) <= 20 and all(isinstance(name, str) for name in names)


def _references(checks: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Other fields that the checks speak of; a day given as such is none."""
    from anomaly_agent.dates import parse_date

    found = [checks[key] for key in ("not_before", "not_after") if key in checks and parse_date(checks[key]) is None]
    equals = checks.get("equals")
    if isinstance(equals, Mapping):
        found += next(iter(equals.values()))
    elif isinstance(equals, str) and _match(equals, names):
        found.append(equals)
    return found


def _field(name: str, number: int, names: Sequence[str]) -> str:
    match = _match(name, names)
    if match is None:
        raise Rejected(
            f"Rule {number} names the field {name[:80]!r}, which the table does not have. It has {_listed(names)}."
        )
    return match


def _match(name: str, names: Sequence[str]) -> str | None:
    """The column of exactly this name, or the only one of the same words."""
    if name in names:
        return name
    alike = [each for each in names if words_of(each) == words_of(name) and words_of(name)]
    alike = alike or [each for each in names if each.casefold().strip() == name.casefold().strip()]
    return alike[0] if len(alike) == 1 else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:60]) for name in names[:40]) + (", ..." if len(names) > 40 else "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
