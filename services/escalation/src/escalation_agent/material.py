"""Data parts as facts: other agents' artifacts, a structured request, or any JSON at all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crossdock.errors import Rejected
from crossdock.pipeline import DataPart
from escalation_agent.case import Case, Fact
from escalation_agent.deadline import Deadline, deadline_grammar
from escalation_agent.lexicon import CODES
from escalation_agent.limits import DATA_DEPTH, QUOTES_SHOWN, RECORDS_SHOWN
from escalation_agent.reading import recipient_of
from escalation_agent.recipient import ADDRESS, Recipient
from escalation_agent.severity import SEVERITIES
from escalation_agent.text import clean, one_line
from escalation_agent.tone import TONES

RECIPIENT = {
    "recipient_role": "role",
    "recipient_name": "name",
    "recipient_address": "address",
    "recipient_email": "address",
    "recipient_e_mail": "address",
    "recipient_mail": "address",
    "email": "address",
    "e_mail": "address",
    "mail": "address",
}
"""Other names of a recipient's fields; the short ones hold inside the field `recipient` only."""
WORD_END = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")
RECOGNISED = ("facts", "recipient", "deadline", "severity", "language", "tone", "subject")


RECIPIENT_SHAPE = 'The field "recipient" must be a text, or an object with "role", "name" and "address".'


def case_of(part: DataPart, now: datetime) -> Case:
    """Raises Rejected for a known field of the wrong shape and for data nested too deeply."""
    data, source = part.data, one_line(str(part.metadata.get("source", "")))
    if isinstance(data, Mapping):
        if _is_list(data.get("records")) and "summary" in data:
            return _anomalies(data, source or "anomaly-agent/anomalies")
        if _is_list(data.get("quotes")) and "found" in data:
            return _answer(data, source or "contract-agent/answer")
        if any(key in RECOGNISED or _addresses(key) for key in data):
            return _structured(data, source or "request", now)
    return Case(facts=tuple(_plain(data, source or "request data")))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _anomalies(data: Mapping[str, Any], source: str) -> Case:
    """The records with the highest scores, each with its reasons as the anomaly agent gave them."""
    records = [record for record in data["records"] if isinstance(record, Mapping)]
    records.sort(key=lambda record: -_number(record.get("score")))
    return Case(
        facts=tuple(fact for record in records[:RECORDS_SHOWN] for fact in _record(record, source)),
        records=len(records),
    )


def _record(record: Mapping[str, Any], source: str) -> Iterator[Fact]:
    row = record.get("row", "")
    place = one_line(str(row))
    text, fields = "; ".join(_listed(record.get("reasons"))), ", ".join(_listed(record.get("fields")))
    if text or fields:
        yield Fact(text or fields, f"{source} row {place}", "record", str(row + 1) if isinstance(row, int) else place)


def _listed(values: Any) -> list[str]:
    return [one_line(str(value)) for value in values] if _is_list(values) else []


def _answer(data: Mapping[str, Any], source: str) -> Case:
    """The quotes of an answer that was found; "not found" is no fact about the agreement."""
    if not data["found"]:
        return Case()
    quotes = [quote for quote in data["quotes"] if isinstance(quote, Mapping) and str(quote.get("text", "")).strip()]
    return Case(facts=tuple(_quote(quote, source) for quote in quotes[:QUOTES_SHOWN]))


def _quote(quote: Mapping[str, Any], source: str) -> Fact:
    document, clause = (one_line(str(quote.get(key) or "")) for key in ("document", "clause"))
    place = " ".join(item for item in (source, document, f"clause {clause}" if clause else "") if item)
    label = f"{document}\n{clause}"
    return Fact(one_line(str(quote["text"])), place, "quote", label)


def _structured(data: Mapping[str, Any], source: str, now: datetime) -> Case:
    """A request in fields; whatever else stands beside them is a fact."""
    case = Case(
        facts=tuple(_stated(data.get("facts"), source)),
        recipient=_recipient(data.get("recipient")).filled(_parted(_by_part(data, "recipient_"))),
        deadline=_deadline(data.get("deadline"), now),
        severity=_choice(data, "severity", SEVERITIES),
        language=_choice(data, "language", CODES),
        tone=_choice(data, "tone", TONES),
        subject=one_line(_text(data, "subject")),
    )
    others = {key: value for key, value in data.items() if key not in RECOGNISED and not _addresses(key)}
    return case.merged(Case(facts=tuple(_plain(others, source)) if others else ()))


def _stated(facts: Any, source: str) -> Iterator[Fact]:
    if facts is None:
        return
    if not _is_list(facts):
        raise Rejected('The field "facts" must be a list of texts, or of objects with "text" and "source".')
    for fact in facts:
        if isinstance(fact, Mapping) and isinstance(fact.get("text"), str):
            text, place = fact["text"], one_line(str(fact.get("source") or source))
        elif isinstance(fact, str):
            text, place = fact, source
        else:
            raise Rejected('Each of the "facts" must be a text, or an object with "text" and "source".')
        if text.strip():
            yield Fact(clean(text).strip(), place)


def _recipient(value: Any) -> Recipient:
    if value is None or value == "":
        return Recipient()
    if isinstance(value, str):
        return recipient_of(one_line(value))
    if isinstance(value, Mapping):
        return _parted({**value, **_by_part(value)})
    raise Rejected(RECIPIENT_SHAPE)


def _addresses(key: str) -> bool:
    """Whether a field beside the facts says who is written to, such as `recipient_email` or `recipientName`."""
    return _normal(key) in RECIPIENT and _normal(key).startswith("recipient_")


def _normal(key: str) -> str:
    return WORD_END.sub("_", key).lower().strip("_")


def _by_part(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Role, name and address under whichever of their names they stand."""
    named = ((_normal(key), value) for key, value in data.items())
    return {RECIPIENT[name]: value for name, value in named if name in RECIPIENT and name.startswith(prefix)}


def _parted(parts: Mapping[str, Any]) -> Recipient:
    role, name, address = (parts.get(key) or "" for key in ("role", "name", "address"))
    if not (isinstance(role, str) and isinstance(name, str) and isinstance(address, str)):
        raise Rejected(RECIPIENT_SHAPE)
    if address and not ADDRESS.fullmatch(one_line(address)):
        raise Rejected('The recipient\'s "address" is not an e-mail address. Correct it or leave it out.')
    return Recipient(one_line(role), one_line(name), one_line(address))


def _deadline(value: Any, now: datetime) -> Deadline | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Rejected('The field "deadline" must be a text, such as "2026-05-15T16:00" or "Friday 16:00".')
    words = one_line(value)
    for code in CODES:
        found = deadline_grammar(code).find(words, now, instruction=True) or deadline_grammar(code).bare(words, now)
        if found and found.at:
            return Deadline(words, found.at)
    return Deadline(words, None)


def _choice(data: Mapping[str, Any], key: str, choices: Sequence[str]) -> str:
    value = data.get(key)
    if value is None or value == "":
        return ""
    if value not in choices:
        raise Rejected(f'The field "{key}" must be one of {", ".join(choices)}.')
    return str(value)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str | None):
        raise Rejected(f'The field "{key}" must be a text.')
    return value or ""


def _plain(data: Any, source: str) -> Iterator[Fact]:
    """Any JSON: one fact for each flat object of a list, else one for each value, named by its path."""
    if _is_list(data) and all(isinstance(item, Mapping) for item in data):
        for number, item in enumerate(data):
            text = ", ".join(f"{name}: {value}" for name, value in _leaves(item, "", 0))
            if text:
                yield Fact(text, f"{source} item {number}")
        return
    for name, value in _leaves(data, "", 0):
        yield Fact(f"{name}: {value}" if name else value, source)


def _leaves(data: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DATA_DEPTH:
        raise Rejected(
            f"The data are nested more than {DATA_DEPTH} levels deep. Flatten them, or send the facts as text."
        )
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _leaves(value, f"{name} {one_line(str(key))}".strip(), depth + 1)
    elif _is_list(data):
        for value in data:
            yield from _leaves(value, name, depth + 1)
    elif data is not None and one_line(str(data)):
        yield name, one_line(str(data))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
