"""How well a clause answers a question."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contract_agent.quantities import hints, holds
from contract_agent.questions import Question, Term
from contract_agent.selection import Label, Spread, in_text
from contract_agent.store import Passage
from contract_agent.thesaurus import thesaurus
from contract_agent.vocabulary import Language, stems

SAME_WORDS, OTHER_WORDS = 1.0, 0.85
GAP = 3
"""Words that may stand between those of an expression."""
IN_HEADING = 0.9
"""Of what the same would count in the clause itself."""
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
}
"""Concepts that a value of this kind speaks of without a word: `3000 KG` is a quantity."""
IN_SECTION, IN_CONTRACT = 0.6, 0.35
"""Of what a clause beside this one says, and of what stands elsewhere in the same contract."""
THRESHOLD, FOCUS_THRESHOLD, TOPIC_THRESHOLD = 0.60, 0.5, 0.7
"""The least coverage of an answer: of all terms, of what is asked for, and of each topic."""
SURE = 0.9
"""The least coverage of an answer that holds no value of the kind asked for."""
FITS, MISFITS, REFERRED, RELEVANT, HEADED = 0.1, -0.25, 0.3, 0.15, 0.1
"""What a value of the kind asked for, a clause that is named by its number, BM25 and a heading that speaks of the
question's terms add to the score."""
LIGHT_WEIGHT = 0.25
EXPRESSION_BONUS = 1.3
"""A term of several words says more than one of one."""
SATURATION, LENGTH_SHARE = 1.2, 0.5
"""BM25's k1 and b."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`coverage`: the part of the question's terms that the clause speaks of, 0 to 1, names left out.

    `score` orders candidates; `answers`: whether the clause is taken for an answer at all.
    """

    passage: Passage
    score: float
    coverage: float
    answers: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A clause prepared for comparison with any number of terms."""

    passage: Passage
    words: tuple[str, ...]
    body: frozenset[str]
    counts: Mapping[str, int]
    concepts: frozenset[str]
    heading: frozenset[str]
    heading_concepts: frozenset[str]

    @classmethod
    def of(cls, passage: Passage, language: Language) -> "Reading":
        body, clause = stems(passage.text), passage.clause
        above = f"{clause.context} {clause.label} {passage.contract.title}"
        heading = stems(above)
        concepts = thesaurus().names(body)
        heading_concepts = thesaurus().names(heading)
        if language != "en":
            concepts |= thesaurus().names(stems(passage.text, language), language)
            heading_concepts |= thesaurus().names(stems(above, language), language)
        counts = {stem: body.count(stem) for stem in set(body)}
        return cls(
            passage,
            tuple(body),
            frozenset(body),
            counts,
            frozenset(concepts),
            frozenset(heading),
            frozenset(heading_concepts),
        )

    def covers(self, term: Term, concepts: Iterable[str] | None = None) -> float:
        """How clearly the clause speaks of `term`: 0 to 1; with `concepts`, of those among the term's only."""
        meant = term.concepts if concepts is None else frozenset(concepts)
        if self._says(term):
            return SAME_WORDS
        found = OTHER_WORDS if meant & self.concepts else 0.0
        if any(IMPLIED.get(concept) and holds(IMPLIED[concept], self.passage.text) for concept in meant):
            found = OTHER_WORDS
        if not found and self.heading.issuperset(term.stems):
            return SAME_WORDS * IN_HEADING
        if not found and meant & self.heading_concepts:
            return OTHER_WORDS * IN_HEADING
        return found or self._partly(term)

    def speaks_of(self, term: Term) -> bool:
        """Whether the clause itself does, in the same or other words."""
        return self._says(term) or bool(term.concepts & self.concepts)

    def _says(self, term: Term) -> bool:
        """Whether the words of `term` stand in the clause, those of an expression near each other."""
        if not self.body.issuperset(term.stems):
            return False
        if len(term.stems) == 1 or term.name:
            return True
        span = len(term.stems) + GAP
        starts = [index for index, word in enumerate(self.words) if word in term.stems]
        return any(set(term.stems) <= set(self.words[start : start + span]) for start in starts)

    def _partly(self, term: Term) -> float:
        here = sum(stem in self.body or stem in self.heading for stem in term.stems)
        return 0.5 * here / len(term.stems)


class Ranking:
    """Ranks clauses for one question. `spread`: where the question's stems stand among all `clauses` clauses."""

    def __init__(self, question: Question, spread: Spread, clauses: int) -> None:
        self._question = question
        self._spread = spread
        self._frequencies = {stem: sum(counts.values()) for stem, counts in spread.items()}
        self._clauses = max(1, clauses)
        self._labels: dict[str, Label] = {}
        self._sections: dict[tuple[str, str], list[Reading]] = {}

    def candidates(self, passages: Sequence[Passage]) -> list[Candidate]:
        """Best first."""
        readings = [Reading.of(passage, self._question.language) for passage in passages]
        for reading in readings:
            self._sections.setdefault(_section(reading), []).append(reading)
        relevance = self._relevance(readings)
        best = max(relevance, default=0.0) or 1.0
        found = [self._candidate(reading, value / best) for reading, value in zip(readings, relevance, strict=True)]
        return sorted(found, key=lambda candidate: -candidate.score)

    def _candidate(self, reading: Reading, relevance: float) -> Candidate:
        question, text = self._question, reading.passage.text
        content = [term for term in question.terms if not term.name]
        coverage = self._covered(reading, content or question.names)
        exact = question.kind is None or holds(question.kind, text)
        fits = exact or hints(str(question.kind), text)
        score = (
            self._covered(reading, [*question.terms, *(term for term in question.naming if term.name)])
            + RELEVANT * relevance
            + HEADED * self._headed(reading, content)
            + (FITS if exact else MISFITS)
            + (REFERRED if self._referred(reading) else 0.0)
        )
        said = any(not term.light for term in content) or any(reading.speaks_of(term) for term in question.names)
        answers = (
            said
            and fits
            and coverage >= THRESHOLD
            and self._speaks_of_focus(reading)
            and self._speaks_of_topics(reading)
        )
        return Candidate(reading.passage, score, coverage, answers)

    def _covered(self, reading: Reading, terms: Iterable[Term]) -> float:
        weights = [(term, self.weight(term)) for term in terms]
        total = sum(weight for _, weight in weights)
        return sum(weight * self._covers(reading, term) for term, weight in weights) / total if total else 0.0

    def _covers(self, reading: Reading, term: Term) -> float:
        """A party is meant wherever its contract speaks; other terms count a little if the contract has them at all."""
        contract = reading.passage.contract
        if term.name and self._labels.setdefault(contract.id, Label(contract)).holds(term):
            return SAME_WORDS
        found = reading.covers(term)
        if found:
            return found
        if any(beside.speaks_of(term) for beside in self._sections.get(_section(reading), ())):
            return IN_SECTION
        return 0.0 if term.focus or not in_text(term, contract.id, self._spread) else IN_CONTRACT

    def weight(self, term: Term) -> float:
        """Rare words weigh more; a word of the question that no contract holds weighs less than one that some do."""
        if term.light:
            return LIGHT_WEIGHT
        bonus = EXPRESSION_BONUS if len(term.stems) > 1 and not term.name else 1.0
        frequency = min(self._frequencies.get(stem, 0) for stem in term.stems)
        if not frequency:
            return bonus * (0.7 if term.concepts else 0.6)
        rarity = math.log((self._clauses + 1) / (frequency + 0.5)) / math.log(self._clauses + 1)
        return bonus * (0.4 + 0.6 * max(0.0, min(1.0, rarity)))

    def _speaks_of_focus(self, reading: Reading) -> bool:
        focus = [
            term
            for term in self._question.terms
            if term.focus and not term.light and not term.concepts & IMPLIED.keys()
        ]
        return not focus or self._covered(reading, focus) >= FOCUS_THRESHOLD

    def _speaks_of_topics(self, reading: Reading) -> bool:
        return all(reading.covers(term, term.topics) >= TOPIC_THRESHOLD for term in self._question.terms if term.topics)

    def _headed(self, reading: Reading, terms: Sequence[Term]) -> float:
        own = stems(reading.passage.clause.heading)
        concepts = thesaurus().names(own)
        heavy = [term for term in terms if not term.light]
        headed = sum(set(term.stems) <= set(own) or bool(term.concepts & concepts) for term in heavy)
        return headed / len(heavy) if heavy else 0.0

    def _referred(self, reading: Reading) -> bool:
        label = f"{reading.passage.clause.label} {reading.passage.clause.context}".lower()
        return any(reference in label for reference in self._question.references)

    def _relevance(self, readings: Sequence[Reading]) -> list[float]:
        """BM25 over the question's stems."""
        average = sum(len(reading.words) for reading in readings) / len(readings) if readings else 1.0
        return [self._bm25(reading, average) for reading in readings]

    def _bm25(self, reading: Reading, average: float) -> float:
        total = 0.0
        for term in self._question.terms:
            for stem in term.stems:
                count = reading.counts.get(stem, 0)
                spread = self._frequencies.get(stem, 0)
                idf = math.log(1 + (self._clauses - spread + 0.5) / (spread + 0.5)) if spread <= self._clauses else 0.0
                norm = count + SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * len(reading.words) / max(1.0, average))
                total += idf * count * (SATURATION + 1) / norm
        return total


def _section(reading: Reading) -> tuple[str, str]:
    """What `2.1` and `2.2`, or `(a)` and `(b)` of a clause, have in common; a clause of its own is a section alone."""
    number = reading.passage.clause.number
    above = re.match(r"(.+)(?:\.| \()", number)
    return reading.passage.contract.id, above.group(1) if above else f"{number} at {reading.passage.clause.start}"
