"""Questions on the contracts of a data folder: quoted right, or rightly not found.

* `first quote right` is the figure that counts: the first quote alone is from the right document and holds the answer.
* `quoted right`: all quotes of an answer that are from the right document hold it together, at most three.

The second set, contracts and questions, was written by somebody who knew nothing of how answers are found. Nothing was
fitted to it, although its total was watched: it says more of what to expect elsewhere. Its misses are not printed, to
keep it so.

The third set asks for what stands near a clause of our own samples, but in none: a fee where only another thing has a
fee, an early delivery where only late ones have a penalty.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract_agent.answering import Answer, Answering, Quote
from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Limits
from contract_agent.reading import read
from crossdock.pipeline import FilePart
from tests.eval.report import Report, Score, floors

CUSTOMER = "evaluation"
NOT_FOUND = "NOT_FOUND"
SECOND = Path(__file__).with_name("second")
THIRD = Path(__file__).with_name("third") / "absent.csv"
SAMPLES = Path("examples/data")


@dataclass(frozen=True)
class Case:
    id: str
    document: str
    question: str
    answer_contains: str
    clause: str

    @property
    def absent(self) -> bool:
        return self.answer_contains == NOT_FOUND


@dataclass(frozen=True)
class Outcome:
    case: Case
    answer: Answer

    @property
    def right(self) -> bool:
        if self.case.absent:
            return not self.answer.found
        return self._said_by(self.answer.quotes)

    @property
    def first_right(self) -> bool:
        """Whether the first quote alone is from the right document and holds the whole answer."""
        return self._said_by(self.answer.quotes[:1])

    def _said_by(self, quotes: Sequence[Quote]) -> bool:
        """Whether every string of the answer stands in these quotes, counting those of the right document only."""
        quoted = _plain(" ".join(quote.text for quote in quotes if quote.document == self.case.document))
        return all(_plain(piece) in quoted for piece in self.case.answer_contains.split("|"))

    @property
    def clause_right(self) -> bool:
        return any(self.case.clause.lower() in quote.clause.lower() for quote in self.answer.quotes)

    def __str__(self) -> str:
        said = "; ".join(f"[{quote.document} {quote.clause}] {quote.text[:90]!r}" for quote in self.answer.quotes)
        return f"{self.case.id} {self.case.question} -> {said or 'not found: ' + self.answer.reason}"


def load(data: Path, *, without: str = "") -> DatabaseContractStore:
    """A store in memory with every contract of the folder but one."""
    store = DatabaseContractStore("sqlite://")
    store.create_tables()
    for path in sorted((data / "contracts").iterdir()):
        if path.name != without:
            document = read(FilePart(path.name, "", path.read_bytes()), Limits())
            store.add(CUSTOMER, document.name, document)
    return store


def cases(data: Path) -> list[Case]:
    with (data / "contract_questions.csv").open(encoding="utf-8", newline="") as file:
        return [Case(**row) for row in csv.DictReader(file)]


def outcomes(store: DatabaseContractStore, asked: Iterable[Case]) -> list[Outcome]:
    answering = Answering(store, CUSTOMER)
    return [Outcome(case, answering.answer(case.question)) for case in asked]


def answered(data: Path) -> list[Outcome]:
    store = load(data)
    found = outcomes(store, cases(data))
    store.close()
    return found


def answered_though_absent() -> list[Outcome]:
    """What becomes of the third set's questions on our own samples."""
    with THIRD.open(encoding="utf-8", newline="") as file:
        asked = [Case(row["id"], "", row["question"], NOT_FOUND, "") for row in csv.DictReader(file)]
    store = load(SAMPLES)
    found = outcomes(store, asked)
    store.close()
    return found


def evaluate(data: Path) -> Report:
    found, second, third = answered(data), answered(SECOND), answered_though_absent()
    minimum = floors("contract")
    answerable = [outcome for outcome in found if not outcome.case.absent]
    absent = [outcome for outcome in found if outcome.case.absent]
    return Report(
        "Contract questions",
        (
            _score("first quote right", [outcome.first_right for outcome in answerable], minimum),
            _score("quoted right", [outcome.right for outcome in answerable], minimum),
            _score("absent answered with not found", [outcome.right for outcome in absent], minimum),
            *_by_prefix(answerable),
            _score("clause right", [outcome.clause_right for outcome in answerable if outcome.case.clause]),
            _mean_quoted(answerable),
            _score("second set, first quote right", [item.first_right for item in second if not item.case.absent]),
            _score("second set, quoted right", [item.right for item in second if not item.case.absent], minimum),
            _score("second set, absent", [item.right for item in second if item.case.absent], minimum),
            _score("third set, absent", [item.right for item in third], minimum),
        ),
        tuple(str(item) for item in (*found, *third) if not (item.right if item.case.absent else item.first_right)),
    )


def _by_prefix(answerable: list[Outcome]) -> list[Score]:
    prefixes = dict.fromkeys(outcome.case.id.rpartition("-")[0] for outcome in answerable)
    return [
        _score(f"of these, {prefix}", [item.right for item in answerable if item.case.id.startswith(prefix)])
        for prefix in prefixes
    ]


def _score(name: str, right: list[bool], minimum: dict[str, float] | None = None) -> Score:
    value = sum(right) / len(right) if right else 1.0
    return Score(name, value, (minimum or {}).get(name), f"{sum(right)} of {len(right)}")


def _mean_quoted(answerable: list[Outcome]) -> Score:
    lengths = [
        sum(len(quote.text) for quote in outcome.answer.quotes) for outcome in answerable if outcome.answer.found
    ]
    return Score(
        "mean quoted characters", sum(lengths) / max(1, len(lengths)), None, "all quotes of an answer together"
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).lower()
