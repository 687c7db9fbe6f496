"""Answers as exact quotes, or the finding that no contract answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contract_agent.questions import Question, Term, question
from contract_agent.ranking import Candidate, Ranking
from contract_agent.selection import select
from contract_agent.store import Contract, ContractStore, Passage
from contract_agent.thesaurus import thesaurus
from contract_agent.vocabulary import stems

CANDIDATES = 80
MOST_QUOTES = 3
LONGEST_QUOTE = 1_000
NEXT = 3
"""Characters between a clause and the next one."""
POINTS_BACK = re.compile(
    r"\W*(?:(?:\d[\d.]*|\w{1,4}[.)])\W+)?(?:if (?:it|they|this|that|so|not)\b|"
    r"in (?:this|that|such|either) (?:case|event)|"
    r"otherwise|thereafter|after that|beyond (?:that|this)|above (?:that|this)|anything above|failing (?:this|that)|"
    r"this (?:limit|credit|period|notice|fee|charge|does|applies)|these |such )",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """`text` is exactly `[start:end]` of the document's text."""

    document: str
    clause: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason` says in a sentence why nothing was found; `coverage` and `confidence` are 0 to 1."""

    found: bool
    quotes: tuple[Quote, ...]
    confidence: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """Candidates for a question, best first, and why there may be none."""

    question: Question
    candidates: tuple[Candidate, ...]
    reason: str = ""


class Answering:
    """Searches one customer's contracts."""

    def __init__(self, store: ContractStore, customer: str) -> None:
        self._store = store
        self._customer = customer

    def find(self, text: str) -> Findings:
        """Ranked clauses, whether or not they answer."""
        asked = question(text)
        return self._find(asked, asked)

    def answer(self, text: str) -> Answer:
        """Quotes for the whole question, and where it asks several things for each of its parts."""
        findings = self.find(text)
        chosen = _with_context(_best(findings.candidates), findings.candidates)
        if chosen:
            for part in findings.question.parts:
                chosen = self._with_part(chosen, part, findings.question)
        else:
            chosen = self._by_parts(findings.question)
        if not chosen:
            return Answer(False, (), 0.0, findings.reason or "No clause answers this question.")
        return Answer(
            True, tuple(_quote(item, findings.question) for item in chosen[:MOST_QUOTES]), _confidence(chosen)
        )

    def _with_part(self, chosen: list[Candidate], part: Question, whole: Question) -> list[Candidate]:
        """Adds the best clause of the same contract for one part of a question, unless it is chosen already."""
        best = self._best_for(part, whole, chosen[0].passage.contract.id)
        here = {candidate.passage.clause.start for candidate in chosen}
        if best is None or best.passage.clause.start in here:
            return chosen
        return [*chosen[:1], best, *chosen[1:]]

    def _by_parts(self, whole: Question) -> list[Candidate]:
        """One clause for each part, all of one contract; none if the first part, which the others lean on, has none."""
        chosen: list[Candidate] = []
        for part in whole.parts:
            best = self._best_for(part, whole, chosen[0].passage.contract.id if chosen else None)
            if best is not None:
                chosen.append(best)
            elif not chosen:
                return []
        return chosen

    def _best_for(self, part: Question, whole: Question, contract: str | None) -> Candidate | None:
        answering = (candidate for candidate in self._find(part, whole).candidates if candidate.answers)
        return next((item for item in answering if contract in (None, item.passage.contract.id)), None)

    def _find(self, asked: Question, whole: Question) -> Findings:
        contracts = self._store.contracts(self._customer)
        named = Question(asked.text, asked.language, asked.terms, whole.naming, asked.references, asked.kind)
        spread = self._store.spread(
            self._customer, [stem for term in (*asked.terms, *whole.terms, *whole.naming) for stem in term.stems]
        )
        selection = select(whole, contracts, spread)
        if selection.unknown:
            return Findings(asked, (), f"No contract here speaks of {selection.unknown}.")
        passages = self._store.search(
            self._customer, _search_stems(asked), limit=CANDIDATES, within=_within(selection.contracts, contracts)
        )
        ranking = Ranking(named, spread, sum(contract.clauses for contract in contracts))
        return Findings(asked if asked is not whole else whole, tuple(ranking.candidates(passages)))


def _within(selected: frozenset[str], contracts: Sequence[Contract]) -> frozenset[str] | None:
    return None if len(selected) == len(contracts) else selected


def _search_stems(asked: Question) -> list[str]:
    """The question's stems and those of other expressions for the same."""
    found = [stem for term in (*asked.terms, *asked.naming) for stem in term.stems]
    found += stems(" ".join(asked.references))
    for term in asked.terms:
        found += _other_words(term)
    return list(dict.fromkeys(found))


def _other_words(term: Term) -> list[str]:
    return [
        stem
        for concept in sorted(term.concepts)
        for expression in thesaurus().expressions(concept)
        for stem in expression
        if len(stem) > 3
    ]


def _best(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best candidate that answers and those close behind it."""
    return [candidate for candidate in candidates if candidate.answers][: MOST_QUOTES - 1]


def _with_context(chosen: list[Candidate], candidates: Sequence[Candidate]) -> list[Candidate]:
    """Adds the clause that the best one goes on from ("If it does, ..."), or that goes on from it."""
    if not chosen:
        return chosen
    best = chosen[0].passage
    beside = [item for item in candidates if item.passage.contract.id == best.contract.id]
    beside.sort(key=lambda item: item.passage.clause.start)
    at = next(index for index, item in enumerate(beside) if item.passage.clause.start == best.clause.start)
    added = list(beside[at - 1 : at]) if at and _goes_on(best, beside[at - 1].passage) else []
    if at + 1 < len(beside) and _goes_on(beside[at + 1].passage, best):
        added.append(beside[at + 1])
    here = {item.passage.clause.start for item in chosen}
    new = [item for item in added if item.passage.clause.start not in here]
    return [chosen[0], *new, *chosen[1:]]


def _goes_on(passage: Passage, before: Passage) -> bool:
    """Whether a clause begins by pointing at the one right before it."""
    gap = passage.clause.start - before.clause.end
    return gap <= NEXT and bool(POINTS_BACK.match(passage.text))


def _confidence(chosen: Sequence[Candidate]) -> float:
    doubt = 0.9 if len(chosen) > 1 else 1.0
    return round(chosen[0].likelihood * doubt, 2)


def _quote(candidate: Candidate, asked: Question) -> Quote:
    passage = candidate.passage
    start, end = _window(passage, asked)
    clause = passage.clause
    return Quote(passage.contract.name, clause.label, clause.start + start, clause.start + end, passage.text[start:end])


def _window(passage: Passage, asked: Question) -> tuple[int, int]:
    """The clause; of a long one, the run of sentences and lines that says most of what is asked."""
    text = passage.text
    if len(text) <= LONGEST_QUOTE:
        return 0, len(text)
    ends = [match.end() for match in re.finditer(r"(?<=[.;!?])\s+|\n", text)] + [len(text)]
    starts = [0, *ends[:-1]]
    wanted = {stem for term in asked.terms for stem in term.stems}
    concepts = {concept for term in asked.terms for concept in term.concepts}
    weights = [_weight(text[start:end], wanted, concepts) for start, end in zip(starts, ends, strict=True)]
    best, span = -1.0, (0, min(LONGEST_QUOTE, len(text)))
    for first, start in enumerate(starts):
        last = first
        while last + 1 < len(ends) and ends[last + 1] - start <= LONGEST_QUOTE:
            last += 1
        value = sum(weights[first : last + 1])
        if value > best:
            best, span = value, (start, min(ends[last], start + LONGEST_QUOTE))
    return span[0], span[0] + len(text[span[0] : span[1]].rstrip())


def _weight(sentence: str, wanted: set[str], concepts: set[str]) -> float:
    found = stems(sentence)
    return len(wanted & set(found)) + 0.7 * len(concepts & thesaurus().names(found))
