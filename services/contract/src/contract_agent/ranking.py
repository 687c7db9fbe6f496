"""How well a clause answers a question."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from contract_agent.evidence import Evidence
from contract_agent.matching import SAME_WORDS, Match, Reading
from contract_agent.quantities import hints, holds
from contract_agent.questions import Question, Term
from contract_agent.selection import Label, Spread, in_text
from contract_agent.store import Passage
from contract_agent.thesaurus import thesaurus
from contract_agent.vocabulary import FAMILIES, stems

IN_SECTION, IN_CONTRACT = 0.6, 0.35
"""Of what a clause beside this one says, and of what stands elsewhere in the same contract."""
TOPIC_THRESHOLD = 0.7
LIGHT_WEIGHT, CONTEXT_WEIGHT = 0.25, 0.5
EXPRESSION_BONUS = 1.3
"""A term of several words says more than one of one."""
LIKELY = 0.5
"""The least likelihood of an answer."""
CLOSE = 2.0
"""What a candidate may score less than the first and still be quoted beside it."""
MONEY = FAMILIES["money"]
SATURATION, LENGTH_SHARE = 1.2, 0.5
"""BM25's k1 and b."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`coverage`: the part of the question's terms that the clause speaks of, 0 to 1, names left out.

    `score` orders candidates; `likelihood`: of the best one, and those close behind it, being an answer, 0 to 1;
    `answers`: whether the clause is taken for an answer at all.
    """

    passage: Passage
    score: float
    coverage: float
    evidence: Evidence
    likelihood: float = 0.0

    @property
    def answers(self) -> bool:
        return self.likelihood >= LIKELY


class Ranking:
    """Ranks clauses for one question. `spread`: where the question's stems stand among all `clauses` clauses.

    Contracts that have none of the question's own words are taken to be of another language: there a word that no
    concept translates says nothing by its absence.
    """

    def __init__(self, question: Question, spread: Spread, clauses: int) -> None:
        self._question = question
        self._spread = spread
        self._frequencies = {stem: sum(counts.values()) for stem, counts in spread.items()}
        self._clauses = max(1, clauses)
        self._labels: dict[str, Label] = {}
        self._sections: dict[tuple[str, str], list[Reading]] = {}
        self._content = [term for term in question.terms if not term.name] or list(question.names)
        self._same_language = any(map(self._occurs, (t for t in question.terms if not (t.name or t.light))))
        self._strange = float(sum(map(self._is_strange, question.terms)))
        self._on_money = any(term.concepts & MONEY for term in question.terms if not term.context)
        self._weights = {term: self.weight(term) for term in (*question.terms, *question.naming)}

    def candidates(self, passages: Sequence[Passage]) -> list[Candidate]:
        """Best first."""
        readings = [Reading.of(passage, self._question.language) for passage in passages]
        for reading in readings:
            self._sections.setdefault(_section(reading), []).append(reading)
        relevance = self._relevance(readings)
        best = max(relevance, default=0.0) or 1.0
        found = [self._candidate(reading, value / best) for reading, value in zip(readings, relevance, strict=True)]
        return _judged(sorted(found, key=lambda candidate: -candidate.score))

    def _candidate(self, reading: Reading, relevance: float) -> Candidate:
        evidence = self._evidence(reading, relevance)
        return Candidate(reading.passage, evidence.rank, evidence.whole, evidence)

    def _evidence(self, reading: Reading, relevance: float) -> Evidence:
        question, text = self._question, reading.passage.text
        matches = {term: reading.match(term) for term in (*question.terms, *question.naming)}
        heavy = [term for term in self._content if not term.light]
        whole = {term: self._credit(reading, term, matches[term]) for term in self._content}
        exact = question.kind is not None and holds(question.kind, text)
        referred = self._referred(reading)
        return Evidence(
            whole=self._mean(whole),
            own=self._mean({term: matches[term].value for term in self._content}),
            dense=max(
                self._mean({term: _in_place(matches[term], index) for term in self._content})
                for index in range(len(reading.sentences))
            ),
            focus=self._mean({term: matches[term].value for term in heavy if term.focus}, 0.5),
            unknown=self._mean({term: float(not value) for term, value in whole.items()}, 0.0),
            named=self._mean({term: self._credit(reading, term, matches[term]) for term in question.names}, 0.0),
            fits=float(exact),
            misfits=float(question.kind is not None and not exact and not hints(question.kind, text)),
            relevance=relevance,
            headed=self._headed(reading, heavy),
            referred=float(referred),
            unreferred=float(bool(question.references) and not referred),
            scope=self._mean({t: matches[t].value if t.condition else whole[t] for t in heavy if t.scope}, 1.0),
            money=float(not self._on_money or _speaks_of_money(reading)),
            topics=float(all(reading.match(t, t.topics).value >= TOPIC_THRESHOLD for t in question.terms if t.topics)),
            numbered=float(all(matches[term].value > 0 for term in question.terms if term.numbered)),
            strange=self._strange,
            mass=math.log1p(sum(self._weights[term] * matches[term].value for term in heavy)),
        )

    def _mean(self, values: dict[Term, float], otherwise: float = 0.0) -> float:
        total = sum(self._weights[term] for term in values)
        return sum(self._weights[term] * value for term, value in values.items()) / total if total else otherwise

    def _credit(self, reading: Reading, term: Term, match: Match) -> float:
        """A party is meant wherever its contract speaks; other terms count a little if the contract has them at all."""
        contract = reading.passage.contract
        if term.name and self._labels.setdefault(contract.id, Label(contract)).holds(term):
            return SAME_WORDS
        if match.value >= IN_SECTION:
            return match.value
        if any(beside.speaks_of(term) for beside in self._sections.get(_section(reading), ())):
            return IN_SECTION
        in_contract = not term.focus and in_text(term, contract.id, self._spread)
        return max(match.value, IN_CONTRACT if in_contract else 0.0)

    def weight(self, term: Term) -> float:
        """Rare words weigh more; a word of the question that no contract holds weighs less than one that some do."""
        if term.light:
            return LIGHT_WEIGHT
        bonus = EXPRESSION_BONUS if len(term.stems) > 1 and not term.name else 1.0
        bonus *= CONTEXT_WEIGHT if term.context else 1.0
        frequency = min(self._frequencies.get(stem, 0) for stem in term.stems)
        if not (frequency or term.concepts or term.subject or self._same_language):
            return LIGHT_WEIGHT
        if not frequency:
            return bonus * (0.7 if term.concepts else 0.6)
        rarity = math.log((self._clauses + 1) / (frequency + 0.5)) / math.log(self._clauses + 1)
        return bonus * (0.4 + 0.6 * max(0.0, min(1.0, rarity)))

    def _is_strange(self, term: Term) -> bool:
        plain = not (term.name or term.light or term.concepts or term.context)
        return term.subject and plain and not self._occurs(term)

    def _occurs(self, term: Term) -> bool:
        return all(self._frequencies.get(stem, 0) for stem in term.stems)

    def _headed(self, reading: Reading, terms: Iterable[Term]) -> float:
        own = stems(reading.passage.clause.heading)
        concepts = thesaurus().names(own)
        return self._mean(
            {term: float(set(term.stems) <= set(own) or bool(term.concepts & concepts)) for term in terms}
        )

    def _referred(self, reading: Reading) -> bool:
        label = f"{reading.passage.clause.label} {reading.passage.clause.context}".lower()
        return any(reference in label for reference in self._question.references)

    def _relevance(self, readings: Sequence[Reading]) -> list[float]:
        """BM25 over the question's stems."""
        lengths = [len(reading.body.sequence) for reading in readings]
        average = max(1.0, sum(lengths) / len(lengths)) if lengths else 1.0
        return [self._bm25(reading, average) for reading in readings]

    def _bm25(self, reading: Reading, average: float) -> float:
        total = 0.0
        length = len(reading.body.sequence) / average
        for stem in dict.fromkeys(stem for term in self._question.terms for stem in term.stems):
            count = reading.counts.get(stem, 0)
            spread = self._frequencies.get(stem, 0)
            idf = math.log(1 + (self._clauses - spread + 0.5) / (spread + 0.5)) if spread <= self._clauses else 0.0
            total += idf * count * (SATURATION + 1) / (count + SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length))
        return total


def _judged(candidates: list[Candidate]) -> list[Candidate]:
    """With the likelihood of the first that can be an answer, which goes for those close behind it too."""
    if not candidates:
        return []
    scores = [candidate.score for candidate in candidates]
    close = [candidate for candidate in candidates if candidate.score >= scores[0] - CLOSE]
    able = [candidate for candidate in close if candidate.evidence.admissible]
    likelihood = able[0].evidence.likelihood(scores) if able else 0.0
    return [replace(item, likelihood=likelihood if item in able else 0.0) for item in candidates]


def _in_place(match: Match, index: int) -> float:
    """What stands in the heading counts for every sentence."""
    return match.places.get(index, 0.0) if match.places else match.value


def _speaks_of_money(reading: Reading) -> bool:
    return bool(MONEY & (reading.body.concepts | reading.heading.concepts)) or holds("money", reading.passage.text)


def _section(reading: Reading) -> tuple[str, str]:
    """What `2.1` and `2.2`, or `(a)` and `(b)` of a clause, have in common; a clause of its own is a section alone."""
    number = reading.passage.clause.number
    above = re.match(r"(.+)(?:\.| \()", number)
    return reading.passage.contract.id, above.group(1) if above else f"{number} at {reading.passage.clause.start}"
