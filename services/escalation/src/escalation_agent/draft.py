"""The case becomes a letter."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from escalation_agent.case import Case
from escalation_agent.language import detected, spoken
from escalation_agent.letter import Letters
from escalation_agent.lexicon import lexicon
from escalation_agent.limits import RECORDS_SHOWN
from escalation_agent.mail import mail
from escalation_agent.severity import SEVERITIES, Rating, Severity, rate
from escalation_agent.style import CustomerStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`data` is the artifact `escalation`; `summary` a sentence about it for the caller."""

    data: dict[str, Any]
    letter: str
    mail: bytes
    summary: str


def language_of(case: Case, style: CustomerStyle) -> str:
    """As wished, else the customer's, else the request's own."""
    return case.language or style.language or detected("\n".join(case.said))


def drafted(case: Case, style: CustomerStyle, letters: Letters, now: datetime) -> Draft:
    """Of a case that lacks neither recipient nor facts. `now` is aware."""
    code = language_of(case, style)
    style = replace(style, tone=case.tone) if case.tone else style  # type: ignore[arg-type]
    rating = _rating(case, style)
    subject = letters.subject(case, rating.severity, code)
    body = letters.body(case, rating.severity, style, code)
    data = {
        "severity": rating.severity,
        "severity_words": rating.words or None,
        "recipient": _recipient(case),
        "deadline": case.deadline.at.isoformat() if case.deadline and case.deadline.at else None,
        "deadline_words": case.deadline.words if case.deadline else None,
        "language": code,
        "tone": style.tone,
        "subject": subject,
        "body": body,
        "facts": [{"text": fact.text, "source": fact.source} for fact in case.facts],
        "missing": _missing(case),
    }
    return Draft(
        data=data,
        letter=letters.letter(case, rating.severity, style, code, subject),
        mail=mail(case.recipient, subject, body, rating.severity, now),
        summary=_summary(case, rating.severity, style.language, code),
    )


def _recipient(case: Case) -> dict[str, str | None]:
    known = case.recipient
    return {"role": known.role or None, "name": known.name or None, "address": known.address or None}


def _rating(case: Case, style: CustomerStyle) -> Rating:
    stated = [severity for severity in SEVERITIES if severity == case.severity]
    texts = [*case.cues, *(fact.text for fact in case.facts if fact.kind not in ("record", "quote"))]
    found = rate(texts, spoken("\n".join(texts)), style.severity_words)
    return found if not stated or found.severity == stated[0] else Rating(stated[0])


def _missing(case: Case) -> list[str]:
    """What a good letter would have and nobody has said."""
    absent = {
        "recipient.name": not case.recipient.name,
        "recipient.address": not case.recipient.address,
        "deadline": case.deadline is None,
    }
    return [name for name, missing in absent.items() if missing]


def _summary(case: Case, severity: Severity, language: str | None, code: str) -> str:
    own = lexicon(language or (detected("\n".join(case.said)) if case.said else code))
    parts = [
        own.value("ask", "done").format(recipient=case.recipient.label, severity=own.value("letter", severity)),
    ]
    facts = " ".join(fact.text for fact in case.facts)
    if len(facts) > 40 and detected(facts) != code:
        parts.append(own.value("ask", "other_language"))
    if case.records > RECORDS_SHOWN:
        parts.append(own.value("ask", "shortened").format(shown=RECORDS_SHOWN, total=case.records))
    return " ".join(parts)
