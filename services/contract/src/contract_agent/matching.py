"""Where a clause speaks of a term, and how clearly."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contract_agent.quantities import holds
from contract_agent.questions import Term
from contract_agent.store import Passage
from contract_agent.thesaurus import thesaurus
from contract_agent.vocabulary import Language, stems

SAME_WORDS, OTHER_WORDS = 1.0, 0.85
"""The question's own word, and one that contracts use for the same."""
IN_HEADING = 0.9
"""Of what the same would count in the clause itself."""
GAP = 3
"""Words that may stand between those of an expression."""
SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n\s*\n|\n(?=\s*[-*|•])")
IMPLIED: Mapping[str, str] = {
    "percentage": "share",
    "price": "money",
    "value": "money",
    "quantity": "number",
    "deadline": "time",
    "schedule": "time",
    "term": "time",
    "due": "time",
    "cap": "cap",
    "floor": "floor",
    "range": "range",
    "address": "address",
}
"""Concepts that a value of this kind speaks of without a word: `3000 KG` is a quantity."""


@dataclass(frozen=True, slots=True)
class Words:
    """A run of text as stems and the concepts that it speaks of."""

    sequence: tuple[str, ...]
    stems: frozenset[str]
    concepts: frozenset[str]

    @classmethod
    def of(cls, text: str, language: Language) -> "Words":
        sequence = stems(text)
        concepts = thesaurus().names(sequence)
        if language != "en":
            concepts |= thesaurus().names(stems(text, language), language)
        return cls(tuple(sequence), frozenset(sequence), frozenset(concepts))

    def covers(self, term: Term, concepts: frozenset[str]) -> float:
        if self._says(term):
            return SAME_WORDS
        return OTHER_WORDS if concepts & self.concepts else 0.0

    def part(self, term: Term) -> int:
        """How many of the term's words stand here."""
        return sum(stem in self.stems for stem in term.stems)

    def _says(self, term: Term) -> bool:
        """Whether the words of `term` stand here, those of an expression near each other."""
        if not self.stems.issuperset(term.stems):
            return False
        if len(term.stems) == 1 or (term.name and not term.numbered):
            return True
        span = len(term.stems) + (0 if term.numbered else GAP)
        starts = [index for index, word in enumerate(self.sequence) if word in term.stems]
        return any(set(term.stems) <= set(self.sequence[start : start + span]) for start in starts)


@dataclass(frozen=True, slots=True)
class Match:
    """`value`: how clearly a clause speaks of a term, 0 to 1; `places`: in which sentences, none if in the heading."""

    value: float
    places: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """A clause prepared for comparison with any number of terms."""

    passage: Passage
    body: Words
    sentences: tuple[Words, ...]
    heading: Words
    counts: Mapping[str, int]

    @classmethod
    def of(cls, passage: Passage, language: Language) -> "Reading":
        clause = passage.clause
        body = Words.of(passage.text, language)
        pieces = [piece for piece in SENTENCE.split(passage.text) if piece.strip()]
        sentences = tuple(Words.of(piece, language) for piece in pieces) if len(pieces) > 1 else (body,)
        heading = Words.of(f"{clause.context} {clause.label} {passage.contract.title}", language)
        counts: dict[str, int] = {}
        for stem in body.sequence:
            counts[stem] = counts.get(stem, 0) + 1
        return cls(passage, body, sentences, heading, counts)

    def match(self, term: Term, concepts: Iterable[str] | None = None) -> Match:
        """With `concepts`, of those among the term's only."""
        meant = term.concepts if concepts is None else frozenset(concepts)
        places = {index: words.covers(term, meant) for index, words in enumerate(self.sentences)}
        found = max(places.values(), default=0.0)
        if found < OTHER_WORDS and any(self._implies(concept) for concept in meant):
            found = OTHER_WORDS
        above = IN_HEADING * self.heading.covers(term, meant)
        if above > found:
            return Match(above, {})
        return Match(found or self._partly(term), {index: value for index, value in places.items() if value})

    def speaks_of(self, term: Term) -> bool:
        """Whether the clause itself does, in the same or other words."""
        return self.body.covers(term, term.concepts) > 0

    def _implies(self, concept: str) -> bool:
        return concept in IMPLIED and holds(IMPLIED[concept], self.passage.text)

    def _partly(self, term: Term) -> float:
        if len(term.stems) < 2 or term.numbered:
            return 0.0
        return 0.5 * sum(s in self.body.stems or s in self.heading.stems for s in term.stems) / len(term.stems)
