"""What speaks for a clause as the answer to a question, and the sum of it.

The weights are fitted to questions with known answers: `RANK` so that the right clause comes before the others, and
`ANSWER`, a logistic regression over the admissible ones, so that it is told from the best clause that is left once the
right one is taken away.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """Each from 0 to 1, but for `mass`. Averages go over the question's terms by their weight, names left out.

    `whole`: how far the clause, those beside it and its contract speak of the terms; `own`: the clause and its heading
    alone; `dense`: its best sentence. `focus`: the same of what is asked for. `unknown`: terms that the contract lacks.
    `fits`, `misfits`: it has, or lacks, a value of the kind asked for. `referred`, `unreferred`: the question gives the
    number of a clause, and it is this one or another. `topics`, `numbered`: it speaks of all topics, and has
    all of "Priority 2" and the like. `mass`: the logarithm of how much of the question is found, whatever the part.
    `strange`: how many subjects of the question no contract speaks of, in any words. `scope`: how far the contract
    speaks of what is asked about, and the clause itself of the case that is put ("if ..."). `money`: the clause speaks
    of money, or the question does not.
    """

    whole: float
    own: float
    dense: float
    focus: float
    unknown: float
    named: float
    fits: float
    misfits: float
    relevance: float
    headed: float
    referred: float
    unreferred: float
    topics: float
    numbered: float
    mass: float
    strange: float
    scope: float
    money: float

    @property
    def rank(self) -> float:
        return _weighted(RANK, self)

    @property
    def admissible(self) -> bool:
        """Whether nothing speaks against the clause outright: it lacks no topic, number, case or value asked for."""
        lacking = self.topics < 1 or self.numbered < 1 or self.misfits > 0 or self.unreferred > 0 or self.money < 1
        return not lacking and self.focus >= LEAST_FOCUS and self.scope >= LEAST_SCOPE

    def likelihood(self, ranks: Sequence[float]) -> float:
        """Of the first clause of a ranking being an answer: 0 to 1. `ranks` are all clauses', best first."""
        odds = [math.exp(rank - ranks[0]) for rank in ranks]
        share = sum(odds[:TOP]) / sum(odds)
        log_odds = _weighted(ANSWER, self) + SHARE * share + BIAS
        return 1 / (1 + math.exp(-log_odds)) if self.admissible else 0.0


def _weighted(weights: Evidence, evidence: Evidence) -> float:
    pairs: Iterator[tuple[float, float]] = zip(astuple(weights), astuple(evidence), strict=True)
    return sum(weight * value for weight, value in pairs)


LEAST_FOCUS = 0.5
LEAST_SCOPE = 0.25
TOP = 2
RANK = Evidence(
    whole=2.52,
    own=2.25,
    dense=1.99,
    focus=1.45,
    unknown=-2.22,
    named=0.78,
    fits=2.24,
    misfits=-1.15,
    relevance=1.9,
    headed=2.79,
    referred=0.84,
    unreferred=-0.84,
    topics=2.39,
    numbered=0.41,
    mass=1.74,
    strange=0.0,
    scope=0.0,
    money=0.0,
)
ANSWER = Evidence(
    whole=0.77,
    own=1.29,
    dense=1.1,
    focus=0.0,
    unknown=-0.14,
    named=0.38,
    fits=0.0,
    misfits=0.0,
    relevance=0.0,
    headed=0.81,
    referred=0.18,
    unreferred=0.0,
    topics=0.0,
    numbered=0.0,
    mass=1.0,
    strange=-1.0,
    scope=0.0,
    money=0.0,
)
SHARE, BIAS = 1.15, -3.81
"""What the share of the first `TOP` clauses in the likelihood of all adds to the log odds, and where they start."""
