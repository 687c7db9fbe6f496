"""What is known of one escalation so far: it grows over the turns of a task and survives as a checkpoint."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from escalation_agent.deadline import Deadline
from escalation_agent.recipient import Recipient

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Fact:
    """`text` is verbatim from `source`, such as "request" or "anomaly-agent/anomalies row 12".

    `kind` tells the letter where it belongs: a statement, a `demand` on the recipient, a `record` of a checked table
    (`label`: its row), or a `quote` (`label`: document and clause).
    """

    text: str
    source: str
    kind: str = "statement"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Empty strings and None for what nobody has said."""

    facts: tuple[Fact, ...] = ()
    recipient: Recipient = field(default_factory=Recipient)
    deadline: Deadline | None = None
    severity: str = ""
    language: str = ""
    tone: str = ""
    subject: str = ""
    matter: str = ""
    """What the request asks to write about, where it says so: what the subject line is made of."""
    kind: str = ""
    said: tuple[str, ...] = ()
    """The request's own words, of all turns: what language, severity and questions are judged by."""
    cues: tuple[str, ...] = ()
    """Those of its words that severity is judged by: not what other agents were asked to do."""
    records: int = 0
    """How many records the data parts held, listed or not."""

    def merged(self, later: "Case") -> "Case":
        """With what a later message or another part adds; where both say something, the later one holds."""
        known = {(fact.text, fact.kind) for fact in self.facts}
        return Case(
            facts=self.facts + tuple(fact for fact in later.facts if (fact.text, fact.kind) not in known),
            recipient=self.recipient.filled(later.recipient) if later.recipient else self.recipient,
            deadline=_firmer(self.deadline, later.deadline),
            severity=later.severity or self.severity,
            language=later.language or self.language,
            tone=later.tone or self.tone,
            subject=later.subject or self.subject,
            matter=self.matter or later.matter,
            kind=later.kind or self.kind,
            said=self.said + later.said,
            cues=self.cues + later.cues,
            records=self.records + later.records,
        )

    def as_checkpoint(self) -> dict[str, Any]:
        values = asdict(self)
        if self.deadline:
            del values["deadline"]["span"]
            values["deadline"]["at"] = self.deadline.at.isoformat() if self.deadline.at else None
        return {"format": FORMAT, **values}


def from_checkpoint(data: Any) -> Case:
    """An empty case for no checkpoint, and for one that another release wrote in another format."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        return Case()
    values = {item.name: data[item.name] for item in fields(Case) if item.name in data}
    deadline = values.get("deadline")
    case = Case(
        facts=tuple(Fact(**fact) for fact in values.pop("facts", ())),
        recipient=Recipient(**values.pop("recipient", {})),
        said=tuple(values.pop("said", ())),
        cues=tuple(values.pop("cues", ())),
        deadline=_deadline(values.pop("deadline")) if deadline else None,
    )
    return replace(case, **{name: value for name, value in values.items() if value is not None})


def _deadline(data: Mapping[str, Any]) -> Deadline:
    at = data["at"]
    return Deadline(data["words"], datetime.fromisoformat(at) if at else None)


def _firmer(known: Deadline | None, later: Deadline | None) -> Deadline | None:
    """A later deadline replaces the known one, unless it is only "asap" beside a time."""
    if later is None or (known is not None and known.at is not None and later.at is None):
        return known
    return later
