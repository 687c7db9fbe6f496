"""How severe a case is, from what its text says; never from how loud it is."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from escalation_agent.lexicon import Lexicon, every_language, lexicon

Severity = Literal["low", "normal", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
NUMBERED = re.compile(
    r"(?<!\w)(?:sev(?:erity)?|prio(?:rity)?|priorität)[- ]?(?P<number>[1-5])(?![\w.,]*\w)", re.IGNORECASE
)
BY_NUMBER: Mapping[str, Severity] = {"1": "critical", "2": "high", "3": "normal", "4": "low", "5": "low"}


@dataclass(frozen=True, slots=True)
class Rating:
    """`words` are the cue, verbatim; empty where nothing in the text speaks of severity."""

    severity: Severity
    words: str = ""


def explicit(text: str) -> Rating | None:
    """A stated level: "sev 1", "Priorität: hoch"."""
    numbered = NUMBERED.search(text)
    if numbered:
        return Rating(BY_NUMBER[numbered["number"]], numbered.group())
    for one in every_language():
        match = one.pattern("severity", "explicit").search(text)
        if match:
            levels: Mapping[str, Severity] = one.value("severity", "levels")
            level = levels.get(match["level"].lower())
            return Rating(level, match.group()) if level else None
    return None


def rate(texts: Iterable[str], lexicons: Iterable[Lexicon], own: Mapping[Severity, tuple[str, ...]]) -> Rating:
    """A stated level, else the customer's own words, else the languages' cues; "not dramatic" outweighs "urgent"."""
    text = "\n".join(texts)
    return explicit(text) or _by_own_words(text, own) or _by_cues(text, tuple(lexicons)) or Rating("normal")


def _by_own_words(text: str, own: Mapping[Severity, tuple[str, ...]]) -> Rating | None:
    for severity in reversed(SEVERITIES):
        for word in own.get(severity, ()):
            match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
            if match:
                return Rating(severity, match.group())
    return None


def _by_cues(text: str, lexicons: tuple[Lexicon, ...]) -> Rating | None:
    for one in lexicons:
        text = one.pattern("severity", "harmless").sub("; ", text)
    calm = text
    for one in lexicons:
        calm = one.pattern("severity", "low").sub("; ", calm)
    affirmed = calm
    for one in lexicons:
        affirmed = _denied_pattern(one.code).sub("; ", affirmed)
    return _cue("critical", calm, lexicons) or _cue("low", text, lexicons) or _cue("high", affirmed, lexicons)


@cache
def _denied_pattern(code: str) -> re.Pattern[str]:
    """ "No penalty", "has not been stolen"."""
    negation, high = (lexicon(code).source("severity", key) for key in ("negation", "high"))
    return re.compile(rf"(?<!\w){negation}(?!\w)[\s'’]*{high}(?!\w)", re.IGNORECASE)


def _cue(severity: Severity, text: str, lexicons: tuple[Lexicon, ...]) -> Rating | None:
    matches = (one.pattern("severity", severity).search(text) for one in lexicons)
    return next((Rating(severity, match.group()) for match in matches if match), None)
