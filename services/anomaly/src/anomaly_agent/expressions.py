"""Rules in short, as people type them: `quantity > 0`, `sku required`, `delivered not before ordered`.

Also found behind a colon in the text of a message: `Check the rules: quantity at least 1; sku unique`.
"""

import re
from collections.abc import Callable
from typing import Any

from anomaly_agent.dates import parse_date
from anomaly_agent.numerals import parse_number

GRAMMAR = (
    'Write a rule as {"field": "quantity", "min": 1} or in short as one of: quantity > 0; quantity at most 500; '
    "carrier one of DHL, DSV; sku required; sku unique; delivered not before ordered; total = quantity * price"
)
LONGEST = 5_000  # characters of a message in which rules are looked for
FIELD = r"(?P<field>[^<>=!≥≤≠:;\n]{1,80}?)"
BE = r"(?:(?:is|are|must be|should be)\s+)?"
COMPARED = re.compile(rf"{FIELD}\s*(?P<sign>>=|<=|==|!=|<>|[=><≥≤≠])\s*(?P<value>[^<>=].*)")
WORDED = re.compile(
    rf"{FIELD}\s+{BE}(?P<sign>at least|at most|more than|less than|not before|not after|one of)\s+(?P<value>.+)",
    re.IGNORECASE,
)
MARKED = re.compile(rf"{FIELD}\s+{BE}(?P<sign>required|mandatory|unique)", re.IGNORECASE)
STATED = re.compile(
    r"^[^:\n]{0,200}\b(?:rules?|regeln?|règles?|reglas?|validat\w*|validier\w*|valide[rz]?|valida\w?|"
    r"check\w*|prüfe?\w?|vérifie[rz]?|verifica\w?)\b[^:\n]{0,80}:"
    r"[ \t]*(?P<rules>.*(?:\n[ \t]*(?:[-*•]|[0-9]{1,3}[.)])[ \t].*)*)",
    re.IGNORECASE | re.MULTILINE,
)
AND = re.compile(r",(?:\s*and\s)?|\s+and\s+", re.IGNORECASE)
BULLET = re.compile(r"^[ \t]*(?:[-*•]|[0-9]{1,3}[.)])[ \t]+")
SIGNS = {"==": "=", "<>": "!=", "≠": "!=", "≥": ">=", "≤": "<="} | {
    "at least": ">=",
    "at most": "<=",
    "more than": ">",
    "less than": "<",
    "mandatory": "required",
}
BOUNDS = {">=": "min", "<=": "max", ">": "exclusive_min", "<": "exclusive_max"}
DAYS = {">=": "not_before", "<=": "not_after"}


def split(text: str) -> list[str]:
    """The rules of a text, parted by lines and semicolons, and by commas and `and` where each part is a rule."""
    items: list[str] = []
    for line in re.split(r"[;\n]", text):
        line = BULLET.sub("", line).strip().rstrip(".").strip()
        parts = [part.strip() for part in AND.split(line)]
        items += parts if all(map(expressed, parts)) else [line]
    return [item for item in items if item]


def stated(text: str) -> tuple[str, list[str]]:
    """What follows a word for rules and a colon, and the rules in it; ("", []) if none of it reads as one."""
    for match in STATED.finditer(text[:LONGEST]):
        items = split(match["rules"])
        if any(map(expressed, items)):
            return match["rules"], items
    return "", []


def expressed(text: str) -> dict[str, Any] | None:
    """The rule as an object, or None for what is no rule."""
    text = text.strip()[:1000]
    match = COMPARED.fullmatch(text) or WORDED.fullmatch(text) or MARKED.fullmatch(text)
    if match is None:
        return None
    sign = SIGNS.get(match["sign"].lower(), match["sign"].lower())
    check = _check(sign, _bare(match.groupdict().get("value") or ""))
    field = _bare(re.sub(r"^(?:the|every|each)\s+", "", match["field"].strip(), flags=re.IGNORECASE))
    return {"field": field, **check} if check and field else None


def _check(sign: str, value: str) -> dict[str, Any]:
    if sign in BOUNDS:
        return _bound(sign, value)
    return CHECKS[sign](value)


def _bound(sign: str, value: str) -> dict[str, Any]:
    """Days have no strict bounds: a rule says which day is the first or the last that is right."""
    number = parse_number(value)
    if number is not None:
        return {BOUNDS[sign]: _whole(number)}
    return {DAYS[sign]: value} if sign in DAYS and parse_date(value) is not None else {}


def _equal(value: str) -> dict[str, Any]:
    for mark, kind in ((r"\s*[*×]\s*", "product"), (r"\s+\+\s+", "sum")):
        names = [_bare(name) for name in re.split(mark, value)]
        if len(names) > 1:
            return {"equals": {kind: names}} if all(names) else {}
    number = parse_number(value)
    return {"equals": value if number is None else _whole(number)}


CHECKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "=": _equal,
    "!=": lambda value: {"not_in": [value]},
    "one of": lambda value: {"enum": [_bare(item) for item in value.split(",")]},
    "not before": lambda value: {"not_before": value},
    "not after": lambda value: {"not_after": value},
    "required": lambda _: {"required": True},
    "unique": lambda _: {"unique": True},
}


def _bare(text: str) -> str:
    return text.strip().strip("\"'`").strip()


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number
