"""The deadline that a text sets, in its own words and, where these have one meaning, as a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from escalation_agent.lexicon import Lexicon, lexicon
from escalation_agent.moment import MomentGrammar

BEFORE = 40
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
MAX_AMOUNT = 1_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """`words` are verbatim; `at` is None where they could mean more than one time. `span` is their place."""

    words: str
    at: datetime | None
    span: tuple[int, int] = (0, 0)


class DeadlineGrammar:
    """Finds deadlines in texts of one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._moments = MomentGrammar(lexicon)
        strong, weak = lexicon.source("deadline", "by"), lexicon.source("deadline", "weak_by")
        self._by = re.compile(rf"(?<!\w)(?:(?P<strong>{strong})|(?P<weak>{weak}))(?!\w)", re.IGNORECASE)
        self._need = lexicon.pattern("deadline", "need")
        self._latest = lexicon.pattern("deadline", "at_latest")
        self._vague_by = re.compile(rf"\s*{lexicon.source('deadline', 'vague_by')}(?!\w)", re.IGNORECASE)
        self._vague = lexicon.pattern("deadline", "vague")
        self._past = re.compile(rf"(?<!\w){lexicon.source('deadline', 'past')}(?!\w)[^,.;:]*$", re.IGNORECASE)
        self._numbers: dict[str, int] = dict(lexicon.section("deadline")["numbers"])
        self._units: dict[str, str] = dict(lexicon.section("deadline")["units"])
        self._within = re.compile(_within(lexicon), re.IGNORECASE)

    def find(self, text: str, now: datetime, *, instruction: bool) -> Deadline | None:
        """The first deadline of a sentence.

        In a report "until" and "before" often tell what was; there they count only beside a word of need. In an
        instruction they always do, and so do "asap" and its like.
        """
        sure = instruction or bool(self._need.search(text))
        for found in (*self._durations(text, now), *self._dated(text, now, sure), *self._suffixed(text, now)):
            return found
        return self._vaguely(text) if instruction else None

    def bare(self, text: str, now: datetime) -> Deadline | None:
        """The whole text as a point in time, without "by" or "until"."""
        moment = self._moments.read(text, 0, now)
        return _deadline(text, 0, moment.end, moment.at) if moment and not text[moment.end :].strip() else None

    def _dated(self, text: str, now: datetime, sure: bool) -> Iterator[Deadline]:
        for match in self._by.finditer(text):
            if self._past.search(text[max(0, match.start() - BEFORE) : match.start()]):
                continue
            vague = self._vague_by.match(text, match.end())
            moment = self._moments.read(text, match.end(), now)
            end = vague.end() if vague else moment.end if moment else 0
            if end and (sure or match["strong"] or _alone(text, match.start(), end)):
                latest = self._latest.match(text, end + 1)
                end = latest.end() if latest else end
                yield _deadline(text, match.start(), end, None if vague or not moment else moment.at)

    def _durations(self, text: str, now: datetime) -> Iterator[Deadline]:
        for match in self._within.finditer(text):
            if match["working"]:  # depends on holidays that nobody told us
                yield _deadline(text, match.start(), match.end(), None)
                continue
            unit = next(name for name in UNITS if match[name])
            amount = int(match["digits"]) if match["digits"] else self._numbers[match["word"].lower()]
            if amount <= MAX_AMOUNT:
                at = (now + timedelta(seconds=amount * UNITS[unit])).replace(second=0, microsecond=0)
                yield _deadline(text, match.start(), match.end(), at)

    def _suffixed(self, text: str, now: datetime) -> Iterator[Deadline]:
        """ "Friday 16:00 at the latest": the words stand behind the time."""
        for latest in self._latest.finditer(text):
            for word in re.finditer(r"(?<!\S)\S", text[max(0, latest.start() - BEFORE) : latest.start()]):
                start = max(0, latest.start() - BEFORE) + word.start()
                moment = self._moments.read(text, start, now)
                if moment and not text[moment.end : latest.start()].strip(" ,"):
                    yield _deadline(text, start, latest.end(), moment.at)
                    break

    def _vaguely(self, text: str) -> Deadline | None:
        match = self._vague.search(text)
        return _deadline(text, match.start(), match.end(), None) if match else None


def _within(lexicon: Lexicon) -> str:
    units = lexicon.section("deadline")["units"]
    numbers = "|".join(sorted(lexicon.section("deadline")["numbers"], key=len, reverse=True))
    named = "|".join(f"(?P<{name}>{pattern})" for name, pattern in units.items())
    working = lexicon.source("deadline", "working")
    return (
        rf"(?<!\w){lexicon.source('deadline', 'within')}(?: les| the| der| den| las| los)? "
        rf"?(?:(?P<digits>\d{{1,4}})\s?|(?P<word>{numbers})\s)(?:(?P<working>{working})|{named})(?!\w)"
    )


def _alone(text: str, start: int, end: int) -> bool:
    return len((text[:start] + text[end:]).strip(" .,;!")) == 0


def _deadline(text: str, start: int, end: int, at: datetime | None) -> Deadline:
    return Deadline(" ".join(text[start:end].split()).rstrip(".,;"), at, (start, end))


@cache
def deadline_grammar(code: str) -> DeadlineGrammar:
    return DeadlineGrammar(lexicon(code))
