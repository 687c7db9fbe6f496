"""What a request brings: where to look for the table, and the rules to check it against."""

import json
import re
from dataclasses import dataclass
from typing import Any

from anomaly_agent.expressions import stated
from anomaly_agent.json_records import whole
from anomaly_agent.rules import KEYS
from anomaly_agent.source import FileSource, Source, TextSource, ValueSource
from crossdock.errors import Rejected
from crossdock.pipeline import DataPart, FilePart, Part, PipelineRequest, TextPart

RULES_BYTES = 256 * 1024
NAMED = 20  # tables that a refusal names
PASSED_ON = re.compile(r"[\w-]+-agent/.+")
"""The `source` of a data part that is an earlier agent's artifact: findings about the request, not its table."""
FENCE = "```"
LANGUAGE = re.compile(r"[a-z]*\s*")


@dataclass(frozen=True, slots=True)
class Submission:
    """`sources` in the order in which they are tried; `rules` is a JSON value with `schema` or `rules`, or None."""

    sources: tuple[Source, ...]
    rules: dict[str, Any] | None


def submitted(request: PipelineRequest) -> Submission:
    """The table and the rules of this turn; what it lacks is taken from the task's earlier turns, the latest first.

    Raises Rejected for several tables, or several parts with rules, in one message.
    """
    table: Source | None = None
    texts: list[Source] = []
    rules: dict[str, Any] | None = None
    earlier = [turn.parts for turn in reversed(request.turns) if turn.role == "user"]
    # Earlier turns may come without their files' contents; an empty file of this turn is refused when it is read.
    kept = [tuple(part for part in parts if not _is_hollow(part)) for parts in earlier]
    for parts in (request.parts, *kept):
        own = [part for part in parts if not _is_passed_on(part)]
        rules = rules or _only_rules(own)
        table = table or _only_table(own)
        texts.append(TextSource("\n\n".join(_without_rules(part.text) for part in own if isinstance(part, TextPart))))
    return Submission((table,) if table else tuple(texts), rules)


def _only_rules(parts: list[Part]) -> dict[str, Any] | None:
    found = [rules for part in parts if (rules := rules_of(part)) is not None]
    if len(found) > 1:
        raise Rejected(
            f"{len(found)} parts of the message bring rules or a schema; one is taken. Put all rules into one list, or "
            "send one task per schema."
        )
    return found[0] if found else None


def _only_table(parts: list[Part]) -> Source | None:
    found = [(part, source) for part in parts if (source := _table_of(part)) is not None]
    if len(found) > 1:
        names = [part.name if isinstance(part, FilePart) and part.name else "unnamed" for part, _ in found]
        listed = ", ".join(repr(name[:80]) for name in names[:NAMED]) + (", ..." if len(names) > NAMED else "")
        raise Rejected(
            f"The message brings {len(found)} tables ({listed}); a task takes one. Send one task per table. "
            "Rules go beside it as a JSON part or file, or into the text."
        )
    return found[0][1] if found else None


def rules_of(part: Part) -> dict[str, Any] | None:
    """The rules in a part: data, a small JSON file, a block of JSON in a text, or rules that a text spells out."""
    if isinstance(part, TextPart):
        blocks = (rules for text in _blocks(part.text) if (rules := _as_rules(_json(text))))
        return next(blocks, None) or ({"rules": items} if (items := stated(part.text)[1]) else None)
    return _as_rules(_value_of(part))


def _value_of(part: DataPart | FilePart) -> Any:
    """The JSON value of a data part, or of a file that is small enough for rules; None for another file."""
    if isinstance(part, DataPart):
        return part.data
    small = len(part.content) <= RULES_BYTES and part.content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
    return _json(part.content.decode("utf-8-sig", "replace")) if small else None


def _as_rules(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list):
        return {"rules": value} if value and all(_is_rule(item) for item in value) else None
    if not isinstance(value, dict):
        return None
    given = {key: value[key] for key in ("schema", "rules") if _is_given(key, value)}
    if len(given) > 1:
        raise Rejected("The message brings a schema and rules. Send one task with the schema and one with the rules.")
    if given:
        return given
    if "$schema" in value or isinstance(value.get("properties"), dict) or ("$defs" in value and "$ref" in value):
        return {"schema": value}
    return None


def _is_given(key: str, value: dict[str, Any]) -> bool:
    """Whether the key holds rules, readable or not; tables that are written with a schema of their own have a name,
    or a list of fields, in its place."""
    item = value.get(key)
    described = isinstance(item, str) or (isinstance(item, dict) and isinstance(item.get("fields"), list))
    if key == "schema" and described:
        return not any(isinstance(other, list) for other in value.values())
    return item is not None


def _is_rule(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("field", item.get("fields")), str | list)
        and bool(item.keys() & KEYS)
    )


def _table_of(part: Part) -> Source | None:
    if isinstance(part, TextPart):
        return None
    if rules_of(part) is None:
        if isinstance(part, FilePart):
            return FileSource(part.content, part.name, part.media_type)
        return ValueSource(part.data)
    value = _value_of(part)
    if not isinstance(value, dict) or not value.keys() & {"schema", "rules"}:
        return None
    rest = {key: item for key, item in value.items() if key not in ("schema", "rules")}
    return ValueSource(rest) if any(isinstance(item, list) for item in rest.values()) else None


def _without_rules(text: str) -> str:
    """The text less the rules in it, which would pass for a table."""
    for block in _blocks(text):
        if _as_rules(_json(block)) is not None:
            text = text.replace(block, " ")
    spelt, _ = stated(text)
    return text.replace(spelt, " ", 1) if spelt else text


def _blocks(text: str) -> list[str]:
    """Places in a text where JSON may stand: fenced, or from the first bracket of a kind to its last."""
    if len(text) > RULES_BYTES:
        return []
    # Split and not searched for: a pattern from fence to fence takes quadratic time on a text of opening ones.
    fenced = (LANGUAGE.sub("", block, count=1).strip() for block in text.split(FENCE)[1::2])
    blocks = [block for block in fenced if block.startswith(("{", "["))]
    for opening, closing in ("[]", "{}"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            blocks.append(text[start : end + 1])
    return blocks


def _is_passed_on(part: Part) -> bool:
    return isinstance(part, DataPart) and PASSED_ON.fullmatch(str(part.metadata.get("source", ""))) is not None


def _is_hollow(part: Part) -> bool:
    return isinstance(part, FilePart) and not part.content


def _json(text: str) -> Any:
    try:
        return json.loads(whole(text))
    except (ValueError, RecursionError):
        return None
