"""Concepts of contract language, read from `thesaurus.txt`, and finding them in texts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from contract_agent.vocabulary import STEMMERS, Language, stems


@dataclass(frozen=True, slots=True)
class Match:
    """Concept `name` in words `start` to `end` (exclusive)."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Concept:
    """`expressions` are stem sequences by language; a `topic` must be spoken of in an answer to who asks for it."""

    name: str
    topic: bool
    expressions: dict[Language, tuple[tuple[str, ...], ...]]


class Thesaurus:
    """Finds concepts by their expressions."""

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self._concepts = {concept.name: concept for concept in concepts}
        self._starts: dict[Language, dict[str, list[tuple[tuple[str, ...], str]]]] = {}
        for concept in self._concepts.values():
            for language, expressions in concept.expressions.items():
                starts = self._starts.setdefault(language, {})
                for expression in expressions:
                    starts.setdefault(expression[0], []).append((expression, concept.name))

    def matches(self, sequence: Sequence[str], language: Language = "en") -> Iterator[Match]:
        """All concepts in a sequence of stems of `language`, also overlapping ones."""
        starts = self._starts.get(language, {})
        for position, first in enumerate(sequence):
            for expression, name in starts.get(first, ()):
                end = position + len(expression)
                if tuple(sequence[position:end]) == expression:
                    yield Match(name, position, end)

    def names(self, sequence: Sequence[str], language: Language = "en") -> set[str]:
        return {match.name for match in self.matches(sequence, language)}

    def is_topic(self, name: str) -> bool:
        return self._concepts[name].topic

    def expressions(self, name: str, language: Language = "en") -> tuple[tuple[str, ...], ...]:
        return self._concepts[name].expressions.get(language, ())


@cache
def thesaurus() -> Thesaurus:
    """The one that ships with the agent."""
    lines = files("contract_agent").joinpath("thesaurus.txt").read_text("utf-8").splitlines()
    return Thesaurus(_concept(line) for line in lines if line and not line.startswith("#"))


def _concept(line: str) -> Concept:
    head, _, body = line.partition(":")
    expressions: dict[Language, tuple[tuple[str, ...], ...]] = {}
    for section in body.split(" | "):
        code, colon, rest = section.strip().partition(": ")
        language: Language = code if colon and code in STEMMERS else "en"  # type: ignore[assignment]
        listed = (rest if colon else section).split(",")
        expressions[language] = tuple(dict.fromkeys(tuple(stems(item, language)) for item in listed if item.strip()))
    return Concept(head.strip().rstrip("!"), head.strip().endswith("!"), expressions)
