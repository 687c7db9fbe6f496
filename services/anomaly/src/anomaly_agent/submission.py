"""What a request brings: where to look for the table, and the rules to check it against."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anomaly_agent.rules import KEYS
from anomaly_agent.source import FileSource, Source, TextSource, ValueSource
from crossdock.pipeline import DataPart, FilePart, Part, PipelineRequest, TextPart

RULES_BYTES = 256 * 1024
FENCED = re.compile(r"```[a-z]*\s*(\{.*?\}|\[.*?\])\s*```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Submission:
    """`sources` in the order in which they are tried; `rules` is a JSON value with `schema` or `rules`, or None."""

    sources: tuple[Source, ...]
    rules: dict[str, Any] | None
    remark: str = ""


def submitted(request: PipelineRequest) -> Submission:
    """The table and the rules of this turn; what it lacks is taken from the task's earlier turns, the latest first."""
    tables: list[Source] = []
    texts: list[Source] = []
    rules: dict[str, Any] | None = None
    remark = ""
    earlier = [turn.parts for turn in reversed(request.turns) if turn.role == "user"]
    # Earlier turns may come without their files' contents; an empty file of this turn is refused when it is read.
    kept = [tuple(part for part in parts if not _is_hollow(part)) for parts in earlier]
    for parts in (request.parts, *kept):
        rules = rules or next((found for part in parts if (found := rules_of(part))), None)
        sources = [source for part in parts if (source := _table_of(part)) is not None]
        if len(sources) > 1 and not tables:
            remark = f"{len(sources)} tables came with one message; the first is read. Send the others one at a time."
        tables += sources
        texts += [TextSource(_without_rules(part.text)) for part in parts if isinstance(part, TextPart)]
    return Submission((tables[0],) if tables else tuple(texts), rules, remark)


def rules_of(part: Part) -> dict[str, Any] | None:
    """The rules in a part: a data part, a small JSON file or a fenced block that is a schema or a list of rules."""
    if isinstance(part, DataPart):
        return _as_rules(part.data)
    return next((rules for text in _texts(part) if (rules := _as_rules(_json(text)))), None)


def _texts(part: Part) -> Iterator[str]:
    if (
        isinstance(part, FilePart)
        and len(part.content) <= RULES_BYTES
        and part.content[:200].lstrip()[:1] in (b"{", b"[")
    ):
        yield part.content.decode("utf-8", "replace")
    if isinstance(part, TextPart):
        yield from _blocks(part.text)


def _as_rules(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list):
        return {"rules": value} if value and all(_is_rule(item) for item in value) else None
    if not isinstance(value, dict):
        return None
    for key in ("schema", "rules"):
        if isinstance(value.get(key), dict | list | bool):
            return {key: value[key]}
    if "$schema" in value or isinstance(value.get("properties"), dict) or ("$defs" in value and "$ref" in value):
        return {"schema": value}
    return None


def _is_rule(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("field", item.get("fields")), str | list)
        and bool(item.keys() & KEYS)
    )


def _table_of(part: Part) -> Source | None:
    if isinstance(part, FilePart):
        return FileSource(part.content, part.name, part.media_type) if rules_of(part) is None else None
    if not isinstance(part, DataPart):
        return None
    value = part.data
    if isinstance(value, dict) and rules_of(part) is not None:
        rest = {key: item for key, item in value.items() if key not in ("schema", "rules")}
        return (
            ValueSource(rest)
            if any(isinstance(item, list) for item in rest.values()) and "properties" not in rest
            else None
        )
    return None if rules_of(part) is not None else ValueSource(value)


def _without_rules(text: str) -> str:
    """The text less the rules in it, which would pass for a table."""
    for block in _blocks(text):
        if _as_rules(_json(block)) is not None:
            text = text.replace(block, " ")
    return text


def _blocks(text: str) -> list[str]:
    """Places in a text where JSON may stand: fenced, or from the first bracket of a kind to its last."""
    if len(text) > RULES_BYTES:
        return []
    blocks = FENCED.findall(text)
    for opening, closing in ("[]", "{}"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            blocks.append(text[start : end + 1])
    return blocks


def _is_hollow(part: Part) -> bool:
    return isinstance(part, FilePart) and not part.content


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
