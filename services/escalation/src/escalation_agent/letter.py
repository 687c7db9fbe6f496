"""Letters from templates. A template brings words of courtesy; whatever it tells comes from the case's facts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from crossdock.errors import Failed
from escalation_agent.case import Case, Fact
from escalation_agent.deadline import Deadline
from escalation_agent.lexicon import CODES, every_language, lexicon
from escalation_agent.limits import LETTER_CHARACTERS, RECORDS_SHOWN, SUBJECT_CHARACTERS
from escalation_agent.recipient import Recipient
from escalation_agent.severity import Severity
from escalation_agent.style import CustomerStyle
from escalation_agent.text import markdown, one_line, sentence, shorten

GIST_CHARACTERS = 80
DEADLINE_LABEL = re.compile(
    r"(?:deadline|due|frist|fällig|d[ée]lai|date limite|limite|[ée]ch[ée]ance|plazo|fecha l[ií]mite|l[ií]mite)"
    r"(?: is| ist| est| es)?(?:\s*:\s*|\s+)",
    re.IGNORECASE,
)
ROW = re.compile(r"\b((?:repeats|stands in) row )(\d+)\b")
"""Where the anomaly agent's reasons name another row, counted from 0 as in all data."""
LOWERED = frozenset(
    {"by", "until", "within", "no", "bis", "spätestens", "innerhalb", "binnen", "avant", "sous", "hasta", "antes"}
)
SAMPLES = (
    Case(facts=(Fact("a", "b"),)),
    Case(
        facts=tuple(Fact("a", "b", kind, "1\n2") for kind in ("statement", "demand", "record", "quote")),
        recipient=Recipient("a", "b", "c@d.example"),
        deadline=Deadline("a", None),
        kind="complaint",
    ),
)


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Plain text, hence no HTML escaping; values are never templates, and templates cannot reach out of the sandbox."""
    return ImmutableSandboxedEnvironment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=False
    )


class Letters:
    """One customer's templates."""

    def __init__(self, style: CustomerStyle) -> None:
        self._style = style

    def problems(self) -> list[str]:
        """What an operator must mend in the templates, tried on cases with and without everything optional."""
        for case in SAMPLES:
            for code in CODES:
                try:
                    self.body(case, "normal", self._style, code)
                    self.subject(case, "normal", code)
                except (TemplateError, Failed) as error:
                    return [f"templates do not render in {code}: {error.__cause__ or error}"]
        return []

    def subject(self, case: Case, severity: Severity, code: str) -> str:
        """One line; the request's own subject where it has one."""
        values = {
            "phrase": lexicon(code).section("letter"),
            "severity": severity,
            "kind": case.kind,
            "gist": shorten(sentence(one_line(case.subject or gist(case, code))), GIST_CHARACTERS),
        }
        return shorten(one_line(_bounded(self._template("subject", code), values)), SUBJECT_CHARACTERS)

    def body(self, case: Case, severity: Severity, style: CustomerStyle, code: str, *, marked_up: bool = False) -> str:
        """Plain text, or Markdown in which every value stands for itself. `style` may differ in tone and signature."""
        safe: Callable[[str], str] = markdown if marked_up else str
        facts = tuple(replace(fact, text=safe(one_line(fact.text))) for fact in case.facts)
        values = {
            "phrase": _phrases(code, style.tone, severity),
            "language": code,
            "tone": style.tone,
            "severity": severity,
            "recipient": safe(case.recipient.label),
            "kind": case.kind,
            "statements": [_stated(fact, code) for fact in facts if fact.kind in ("statement", "subordinate")],
            "demands": [_demanded(fact, code) for fact in facts if fact.kind == "demand"],
            "records": [
                replace(fact, text=_told(fact.text), label=safe(fact.label)) for fact in facts if fact.kind == "record"
            ],
            "quotes": [replace(fact, label=safe(place(fact, code))) for fact in facts if fact.kind == "quote"],
            "shortened": case.records > RECORDS_SHOWN,
            "deadline": safe(_when(case.deadline.words)) if case.deadline else "",
            "signature": [safe(line.strip()) for line in style.signature.splitlines() if line.strip()],
            "bullet": "-",
            "br": "\\" if marked_up else "",
        }
        return _bounded(self._template("body", code), values)

    def letter(self, case: Case, severity: Severity, style: CustomerStyle, code: str, subject: str) -> str:
        """The whole as Markdown, with a head that says to whom."""
        values = {
            "phrase": _phrases(code, style.tone, severity),
            "subject": markdown(subject),
            "recipient": markdown(case.recipient.label),
            "address": "" if case.recipient.address == case.recipient.label else markdown(case.recipient.address),
            "severity": severity,
            "body": self.body(case, severity, style, code, marked_up=True),
        }
        return _bounded(_own("letter"), values) + "\n"

    def _template(self, name: str, code: str) -> Template:
        templates = self._style.templates
        source = templates.get(f"{name}.{code}", templates.get(name))
        return _own(name) if source is None else _compiled(source)


def gist(case: Case, code: str) -> str:
    """What a subject line can say: the matter, else the first statement, checked row, quoted clause or demand.

    Of many checked rows none stands for all: their number does.
    """
    if case.matter:
        return case.matter.rstrip(" .!")
    for kind in ("statement", "subordinate", "record", "quote", "demand"):
        for fact in case.facts:
            if fact.kind == kind:
                if kind == "record" and case.records > 1:
                    return str(lexicon(code).value("letter", "findings")).format(count=case.records)
                return _told(_bare(fact)).rstrip(" .!")
    return ""


def _bare(fact: Fact) -> str:
    """A demand without the "to" that ties it to "We ask you"."""
    if fact.kind != "demand":
        return fact.text
    ties = (re.match(one.source("request", "demand"), fact.text, re.IGNORECASE) for one in every_language())
    return fact.text[max((tie.end() for tie in ties if tie), default=0) :].strip()


def _told(reason: str) -> str:
    """A checked row's reason, with rows counted as the letter counts them: from 1."""
    return ROW.sub(lambda match: f"{match[1]}{int(match[2]) + 1}", reason)


def place(fact: Fact, code: str) -> str:
    """Where a quote stands: "framework-agreement.md, clause 3.3"."""
    document, _, clause = fact.label.partition("\n")
    word = lexicon(code).value("letter", "clause")
    return ", ".join(item for item in (document, f"{word} {clause}" if clause else "") if item)


def _stated(fact: Fact, code: str) -> Fact:
    """A German "dass ..." gets the main clause that it hangs on."""
    if fact.kind != "subordinate":
        return fact
    heads: Mapping[str, str] = lexicon(code).section("letter").get("subordinate", {})
    head = heads.get(fact.text.split(maxsplit=1)[0].lower(), "")
    return replace(fact, text=f"{head} {fact.text}".strip())


def _demanded(fact: Fact, code: str) -> Fact:
    text = f"{lexicon(code).value('letter', 'ask')} {fact.text}"
    return replace(fact, text=text if text.endswith((".", "!", "?")) else text + ".")


def _when(words: str) -> str:
    """A deadline's words behind the label "Deadline:"."""
    label = DEADLINE_LABEL.match(words)
    words = words[label.end() :] if label else words
    first = words.split(maxsplit=1)[0] if words else ""
    return words[0].lower() + words[1:] if first.lower() in LOWERED else words


def _phrases(code: str, tone: str, severity: Severity) -> dict[str, Any]:
    section = lexicon(code).section("letter")
    phrases = {**section, **section[tone]}
    phrases["opening"] = phrases.get(f"opening_{severity}", phrases["opening"])
    return phrases


def _bounded(template: Template, values: Mapping[str, Any]) -> str:
    try:
        text = template.render(values).strip()
    except Exception as error:
        raise Failed("The customer's letter template cannot be rendered. Ask the operator to check it.") from error
    if len(text) > LETTER_CHARACTERS:
        raise Failed(f"The letter would be longer than {LETTER_CHARACTERS:,} characters. Send fewer facts.")
    return text


@cache
def _own(name: str) -> Template:
    return _compiled(files("escalation_agent").joinpath("templates", f"{name}.j2").read_text(encoding="utf-8"))


@cache
def _compiled(source: str) -> Template:
    return environment().from_string(source)


def problems(styles: Sequence[tuple[str, CustomerStyle]]) -> list[str]:
    """One line for each thing that is wrong with the customers' styles."""
    found = []
    for customer, style in styles:
        wrong = style.problems() or Letters(style).problems()
        found += [f"{customer}: {item}" for item in wrong]
    return found
