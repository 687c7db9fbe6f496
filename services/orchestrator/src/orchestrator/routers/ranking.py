"""Routing without a language model: by what the request reads like, given the cards and examples."""

import asyncio
from collections.abc import Iterable, Sequence

from orchestrator.catalogue import Catalogue
from orchestrator.decision import Decision
from orchestrator.language.classifier import Prediction
from orchestrator.language.corpus import packaged_kinds
from orchestrator.language.features import stemmed
from orchestrator.language.grammar import packaged_grammar
from orchestrator.language.lexicon import packaged_lexicon
from orchestrator.language.words import WORD, plain
from orchestrator.request import RoutingRequest
from orchestrator.routers.question import ask
from orchestrator.routers.router import Router
from orchestrator.routers.workforce import RoutedExample, Workforce

CLEAR, BEGINS = 0.45, 0.5
"""The least probabilities of a plan, and of its first agent being the one to begin; below them the caller is asked.

Plans with the same beginning share what is likely, so that a plan's own may be the lower.
"""
QUOTED = 4
SHORT = 3


class RankingRouter(Router):
    """Decides every request. What is learned from a catalogue is kept until the catalogue changes."""

    def __init__(self, examples: Sequence[RoutedExample] = ()) -> None:
        self._examples = tuple(examples)
        self._learned: tuple[Catalogue, Workforce] | None = None
        self._learning = asyncio.Lock()

    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision:
        text = request.whole_text
        if not any(character.isalnum() for character in text):
            return ask(request, catalogue, "The request has no words.")
        workforce = await self._workforce(catalogue)
        prediction = await asyncio.to_thread(workforce.predict, request)
        return _decision(request, catalogue, workforce, prediction)

    async def prepare(self, catalogue: Catalogue) -> None:
        await self._workforce(catalogue)

    async def _workforce(self, catalogue: Catalogue) -> Workforce:
        async with self._learning:
            if self._learned is None or self._learned[0] != catalogue:
                self._learned = catalogue, await asyncio.to_thread(Workforce, catalogue, self._examples)
            return self._learned[1]


def _decision(request: RoutingRequest, catalogue: Catalogue, workforce: Workforce, prediction: Prediction) -> Decision:
    best = prediction.best
    sure = prediction.probabilities[best]
    scores = agent_scores(workforce, prediction)
    if not best:
        reason = f"The request reads like nothing that the agents do ({sure:.0%})."
        return ask(request, catalogue, reason, scores=scores.items())
    begins = sum(value for label, value in prediction.probabilities.items() if label[:1] == best[:1])
    if sure < CLEAR or begins < BEGINS:
        near = ", ".join(f"{agent} {score:.0%}" for agent, score in list(scores.items())[:3])
        return ask(request, catalogue, f"No agent is a clear match ({near}).", scores=scores.items())
    words = _telling(request.whole_text, prediction.evidence[best])
    if not words:
        return ask(request, catalogue, "No word of the request says what it is about.", scores=scores.items())
    agents = [workforce.agent_for(kind, request) for kind in best]
    absent = [kind for kind, agent in zip(best, agents, strict=True) if agent is None]
    if absent:
        lacks = f"The request needs {_in_words(absent)}, which no agent here does. Say what to do without it."
        reason = f"No agent does a part of the request: {_in_words(absent)}."
        return ask(request, catalogue, reason, lacks=lacks, scores=scores.items())
    plan = tuple(dict.fromkeys(agent for agent in agents if agent is not None))
    return Decision(
        method="ranking",
        plan=plan,
        reason=_reason(request, plan, sure, words[:QUOTED]),
        scores=scores,
        candidates=tuple(scores),
        cards=catalogue.versions,
    )


def agent_scores(workforce: Workforce, prediction: Prediction) -> dict[str, float]:
    """Per agent the probability that the request needs one of its kinds of work, highest first."""
    scores = {
        agent: round(sum(p for label, p in prediction.probabilities.items() if not set(kinds).isdisjoint(label)), 3)
        for agent, kinds in workforce.kinds.items()
    }
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def _reason(request: RoutingRequest, plan: Sequence[str], sure: float, words: Iterable[str]) -> str:
    attached = f", with a {request.attachments[0]} attached" if request.attachments else ""
    by = ", ".join(repr(word) for word in words)
    return f"The request reads like work for {' then '.join(plan)} ({sure:.0%}) by {by}{attached}."


def _telling(text: str, stems: Iterable[str]) -> list[str]:
    """The words of `text` behind the stems that spoke for a decision, less short and small ones.

    Where there is none, those whose meaning is known, whatever spoke.
    """
    found = [match.group() for match in WORD.finditer(text)]
    behind: dict[str, str] = {}
    for word, stem in stemmed(found):
        if len(word) > SHORT and plain(word) not in packaged_grammar().small:
            behind.setdefault(stem, word)
    telling = [behind[stem] for stem in stems if stem in behind]
    return telling or [word for word in found if packaged_lexicon().exact(plain(word))]


def _in_words(kinds: Sequence[str]) -> str:
    does = {kind.name: kind.does for kind in packaged_kinds()}
    return " and ".join(does.get(kind, kind) for kind in kinds)
