"""The escalation agent's one skill: facts in, a letter out, and a question where something essential is missing."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

from crossdock.errors import ConfigError, Rejected
from crossdock.pipeline import (
    AgenticPipeline,
    ArtifactChunk,
    Checkpoint,
    DataPart,
    FilePart,
    InputRequired,
    Output,
    Part,
    PipelineRequest,
    Progress,
    Result,
    Run,
    TextPart,
)
from escalation_agent.case import Case, from_checkpoint
from escalation_agent.draft import Draft, drafted
from escalation_agent.files import is_readable, text_of
from escalation_agent.letter import Letters, problems
from escalation_agent.limits import DATA_PARTS, FACT_CHARACTERS, FACTS, FILES, TEXT_CHARACTERS
from escalation_agent.material import case_of
from escalation_agent.question import question
from escalation_agent.reading import MessageReader
from escalation_agent.style import CustomerStyle
from escalation_agent.text import clean, one_line

SKILL = "draft_escalation"
STYLE = "urn:crossdock:style:v1"
SOURCE = "source"


class EscalationPipeline(AgenticPipeline):
    """`styles` by customer, `default` for all others; `clock` returns aware times. Raises ConfigError."""

    skills = (SKILL,)

    def __init__(
        self,
        styles: Mapping[str, CustomerStyle] | None = None,
        default: CustomerStyle | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._default = default or CustomerStyle()
        self._styles = dict(styles or {})
        self._clock = clock
        wrong = problems([("default", self._default), *self._styles.items()])
        if wrong:
            raise ConfigError("\n".join(wrong))

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        own = self._styles.get(request.customer, self._default)
        style = own.overridden(request.metadata.get(STYLE))
        now = self._clock().astimezone(style.zone)
        case = from_checkpoint(request.checkpoint)
        case = case.merged(_read(request, case, style, now))
        _check(case)
        yield Progress(f"Read {len(case.facts)} {'fact' if len(case.facts) == 1 else 'facts'}.", 0.4)
        missing = question(case, style)
        if missing:
            yield Checkpoint(case.as_checkpoint())
            yield InputRequired(missing)
            return
        draft = drafted(case, style, Letters(own), now)
        for artifact in _artifacts(draft):
            yield artifact
        yield Result(draft.summary)


def _read(request: PipelineRequest, known: Case, style: CustomerStyle, now: datetime) -> Case:
    """This turn's parts as a case. Facts stand in the order: the message, files, data."""
    text = clean(request_text(request.parts))
    if len(text) > TEXT_CHARACTERS:
        raise Rejected(f"The text has more than {TEXT_CHARACTERS:,} characters. Send the part that matters.")
    reader = MessageReader(text, now, language=style.spoken)
    case = reader.case(answers_recipient=bool(known.said) and not known.recipient) if text.strip() else Case()
    if len(request.data) > DATA_PARTS:
        raise Rejected(f"The message has more than {DATA_PARTS} data parts. Put the facts into fewer.")
    data = [case_of(part, now) for part in request.data]
    for part in _documents(request.parts):
        case = case.merged(_document(part, style, now, alone=not text.strip() and not data))
    for item in data:
        case = case.merged(item)
    return case


def request_text(parts: tuple[Part, ...]) -> str:
    """What the customer wrote: text parts that no other agent produced."""
    return "\n".join(part.text for part in parts if isinstance(part, TextPart) and not part.metadata.get(SOURCE))


def _documents(parts: tuple[Part, ...]) -> list[FilePart]:
    """The files to read. What another agent made besides its data (a report, a chart) says nothing new."""
    files = [part for part in parts if isinstance(part, FilePart) and not part.metadata.get(SOURCE)]
    if len(files) > FILES:
        raise Rejected(f"The message has more than {FILES} files. Send the ones that matter.")
    in_plan = any(isinstance(part, DataPart) and part.metadata.get(SOURCE) for part in parts)
    return [file for file in files if is_readable(file) or not in_plan]


def _document(file: FilePart, style: CustomerStyle, now: datetime, *, alone: bool) -> Case:
    """A file's facts; one that comes without any word is read as the request itself."""
    text, name = text_of(file), one_line(file.name)
    if len(text) > TEXT_CHARACTERS:
        raise Rejected(f"{name} has more than {TEXT_CHARACTERS:,} characters. Send the part that matters.")
    reader = MessageReader(text, now, source=f"file {name}", language=style.spoken)
    return reader.case() if alone else reader.facts()


def _check(case: Case) -> None:
    if len(case.facts) > FACTS:
        raise Rejected(f"There are {len(case.facts):,} facts; a letter takes {FACTS}. Send the ones that matter.")
    if any(len(fact.text) > FACT_CHARACTERS for fact in case.facts):
        raise Rejected(f"One fact is longer than {FACT_CHARACTERS:,} characters. Cut it into sentences.")


def _artifacts(draft: Draft) -> tuple[ArtifactChunk, ...]:
    return (
        ArtifactChunk(
            name="escalation",
            parts=(DataPart(draft.data),),
            description="Severity, recipient, deadline, subject, body, and the facts with their sources.",
        ),
        ArtifactChunk(
            name="letter",
            parts=(FilePart("letter.md", "text/markdown", draft.letter.encode()),),
            description="The letter as Markdown.",
        ),
        ArtifactChunk(
            name="message.eml",
            parts=(FilePart("message.eml", "message/rfc822", draft.mail),),
            description="The letter as an unsent mail; mail programs open it as a draft.",
        ),
    )
