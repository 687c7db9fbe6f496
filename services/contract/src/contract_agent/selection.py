"""Which contracts a question can be about."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract_agent.questions import AGREEMENTS, Question, Term
from contract_agent.store import Contract
from contract_agent.thesaurus import thesaurus
from contract_agent.vocabulary import fold, stems

Spread = Mapping[str, Mapping[str, int]]
"""For each stem the clauses that hold it, by contract id."""

IN_NAME, IN_TEXT = 1.0, 0.7
CLOSE = 0.12
"""Contracts whose names fit as well as this are all kept."""
ENOUGH = 0.5
"""Below this no contract is the one that the question names."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`contracts` are the ids that are left; `unknown` is a name that none of the contracts holds."""

    contracts: frozenset[str]
    unknown: str = ""


def select(question: Question, contracts: Sequence[Contract], spread: Spread) -> Selection:
    """All contracts, less those that lack one of the names in the question or are called otherwise."""
    labels = {contract.id: Label(contract) for contract in contracts}
    left = frozenset(labels)
    for term in question.names:
        holding = frozenset(key for key, label in labels.items() if label.holds(term) or in_text(term, key, spread))
        if not holding:
            return Selection(holding, term.text)
        left &= holding
    if not left and contracts:
        return Selection(left, " and ".join(dict.fromkeys(term.text for term in question.names)))
    return _named(question, left, labels, spread)


def _named(question: Question, left: frozenset[str], labels: Mapping[str, "Label"], spread: Spread) -> Selection:
    naming = [term for term in question.naming if not set(term.stems) <= AGREEMENTS.keys() or term.concepts]
    naming = [term for term in naming if not term.name]
    if not naming or not left:
        return Selection(left)
    fit = {key: {term.text: _fit(term, key, labels[key], spread) for term in naming} for key in labels}
    weights = {term.text: _rarity(sum(values[term.text] > 0 for values in fit.values()), len(fit)) for term in naming}
    total = sum(weights.values())
    scores = {key: sum(weights[name] * value for name, value in fit[key].items()) / total for key in left}
    best = max(scores.values())
    if best < ENOUGH:
        return Selection(frozenset(), " ".join(term.text for term in question.naming))
    return Selection(frozenset(key for key, score in scores.items() if score >= best - CLOSE))


def _rarity(holding: int, contracts: int) -> float:
    return math.log(1 + (contracts + 1) / (holding + 0.5))


def _fit(term: Term, key: str, label: "Label", spread: Spread) -> float:
    if label.holds(term):
        return IN_NAME
    return IN_TEXT if in_text(term, key, spread) else 0.0


def in_text(term: Term, key: str, spread: Spread) -> bool:
    return all(spread.get(stem, {}).get(key, 0) for stem in term.stems)


class Label:
    """The words that a contract is called by: title, file name and parties."""

    def __init__(self, contract: Contract) -> None:
        name = re.sub(r"([a-z])([A-Z])", r"\1 \2", contract.name.rpartition(".")[0] or contract.name)
        sequence = stems(" ".join([contract.title, name, *contract.parties]))
        self._stems = frozenset(sequence)
        self._concepts = thesaurus().names(sequence)
        self._run_together = fold(re.sub(r"[\W_]+", "", contract.name))

    def holds(self, term: Term) -> bool:
        if self._stems.issuperset(term.stems) or (not term.name and term.concepts & self._concepts):
            return True
        run_together = fold(re.sub(r"[\W_]+", "", term.text))
        return len(run_together) >= 5 and run_together in self._run_together
