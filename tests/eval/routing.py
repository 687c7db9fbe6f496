"""How often requests are routed to the right agents in the right order, without a language model.

The customer is a neutral one: the agents' real cards, no rules and no examples of its own.
"""

import asyncio
import csv
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly_agent.card import card as anomaly_card
from contract_agent.card import card as contract_card
from crossdock.parts import OCTETS
from crossdock.pipeline import FilePart, Part, TextPart
from escalation_agent.card import card as escalation_card
from orchestrator.catalogue import Catalogue, catalogue_of
from orchestrator.customer import Customer
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest, routing_request
from orchestrator.routers.table import create_router
from tests.eval.report import Report, Score, floors

OWN_DATA = Path(__file__).parents[2] / "examples" / "data"
SHOWN = 90
NONE = "none"


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    request: RoutingRequest
    expected: str


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    decision: Decision

    @property
    def plan(self) -> str:
        return "+".join(self.decision.plan) or NONE

    @property
    def right(self) -> bool:
        return self.plan == self.case.expected

    def __str__(self) -> str:
        text = " ".join(self.case.request.text.split())[:SHOWN]
        return f"{self.case.id} expected {self.case.expected} got {self.plan}: {self.decision.reason} | {text}"


def real_cards() -> Catalogue:
    place = {"url": "http://localhost", "issuer": "http://localhost", "version": "1.0.0"}
    return catalogue_of(
        {
            "anomaly": anomaly_card(**place),
            "contract": contract_card(**place),
            "escalation": escalation_card(**place),
        }
    )


def neutral_customer() -> Customer:
    return Customer.model_validate(
        {"name": "neutral", "agents": [{"id": agent} for agent in ("anomaly", "contract", "escalation")]}
    )


def cases(path: Path) -> list[Case]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Case(row["id"], _request(row["request"], row["attachment"]), row["expected"])
            for row in csv.DictReader(file)
        ]


def _request(text: str, suffix: str) -> RoutingRequest:
    parts: list[Part] = [TextPart(text)]
    if suffix:
        parts.append(FilePart(f"file.{suffix}", mimetypes.guess_type(f"file.{suffix}")[0] or OCTETS))
    return routing_request(parts)


def evaluate(data: Path) -> Report:
    catalogue = real_cards()
    limits = floors("routing")
    scores, misses = _scored(data, catalogue, "", limits)
    if data.resolve() != OWN_DATA:
        more, missed = _scored(OWN_DATA, catalogue, "second set, ", limits)
        scores, misses = scores + more, misses + missed
    return Report("Routing: rules and ranking, no language model", tuple(scores), tuple(misses))


def _scored(folder: Path, catalogue: Catalogue, prefix: str, limits: dict[str, float]) -> tuple[list[Score], list[str]]:
    outcomes = asyncio.run(_routed(cases(folder / "routing.csv"), catalogue))
    scores = [_score(f"{prefix}exact plan", outcomes, limits)]
    for label in sorted({outcome.case.expected for outcome in outcomes}):
        of_label = [outcome for outcome in outcomes if outcome.case.expected == label]
        scores.append(_score(f"{prefix}{label}", of_label, limits))
    return scores, [f"{prefix}{outcome}" for outcome in outcomes if not outcome.right]


def _score(name: str, outcomes: Sequence[Outcome], limits: dict[str, float]) -> Score:
    right = sum(outcome.right for outcome in outcomes)
    return Score(name, right / len(outcomes), limits.get(name), f"{right} of {len(outcomes)}")


async def _routed(items: Sequence[Case], catalogue: Catalogue) -> list[Outcome]:
    router = create_router(neutral_customer())
    return [Outcome(case, await router.route(case.request, catalogue)) for case in items]
