"""Which agent does which kind of work, learned from the agents' cards and the customer's examples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from orchestrator.catalogue import Agent, Catalogue
from orchestrator.language.classifier import Classifier, Example, Label, Prediction
from orchestrator.language.composition import predict
from orchestrator.language.corpus import packaged_corpus, packaged_kinds
from orchestrator.language.features import WEIGHTS, groups
from orchestrator.language.lexicon import packaged_lexicon
from orchestrator.language.pasted import without_pasted
from orchestrator.request import RoutingRequest

CLEAR = 0.5
"""A card's examples must speak for a kind of work with this mean probability, or the agent is a kind of its own."""
OWN_KIND_WEIGHT = 60.0
"""Of all examples of a kind of work that the corpus does not know, so that it stands beside the others."""
CUSTOMER_WEIGHT = 10.0
EXAMPLES_READ = 50
EXAMPLE_CHARACTERS = 500
UNREADABLE = 0.2
"""Of its probability is left to work for an agent that cannot read what is attached; clear words outweigh that."""
OWN = "agent:"


@dataclass(frozen=True, slots=True)
class RoutedExample:
    """A request of the customer's own, with the agents that it goes to in order."""

    text: str
    agents: tuple[str, ...]


def learned(text: str, attachments: Iterable[str], label: Label, weight: float = 1.0) -> Example:
    return Example(groups(text, tuple(attachments), packaged_lexicon()), label, weight)


def classifier(examples: Sequence[Example]) -> Classifier:
    return Classifier(examples, WEIGHTS, evidence_group="word")


@cache
def basic_examples() -> tuple[Example, ...]:
    return tuple(learned(item.text, item.attachments, item.kinds) for item in packaged_corpus())


@cache
def basic_classifier() -> Classifier:
    """What is known of kinds of work before any card was read."""
    return classifier(basic_examples())


class Workforce:
    """One catalogue's agents by kind of work, and the classifier that was trained for them.

    An agent's kinds are those that its skills declare by tag, else the one that its examples read like, else one of
    its own. Takes a good part of a second to make.
    """

    def __init__(self, catalogue: Catalogue, examples: Sequence[RoutedExample] = ()) -> None:
        self._agents = {agent.id: agent for agent in catalogue.agents}
        self.kinds = {agent.id: _kinds(agent) for agent in catalogue.agents}
        taught = [example for agent in catalogue.agents for example in _taught(agent, self.kinds[agent.id])]
        own = [
            learned(example.text, (), tuple(self.kinds[agent][0] for agent in example.agents), CUSTOMER_WEIGHT)
            for example in examples
            if all(agent in catalogue for agent in example.agents)
        ]
        self._classifier = classifier([*basic_examples(), *taught, *own])
        self._vocabulary = {agent.id: _vocabulary(agent, examples) for agent in catalogue.agents}

    def predict(self, request: RoutingRequest) -> Prediction:
        """Probabilities of kinds of work in order, less for what begins with an agent that can read no file."""
        text = without_pasted(request.whole_text, packaged_lexicon())
        attachments = request.attachments if text == request.whole_text else (*request.attachments, "document")
        prediction = predict(self._classifier, text, attachments, packaged_lexicon())
        if not request.media_types:
            return prediction
        weighed = {
            label: probability * (1.0 if self._begins_readable(label, request) else UNREADABLE)
            for label, probability in prediction.probabilities.items()
        }
        total = sum(weighed.values())
        return replace(prediction, probabilities={label: value / total for label, value in weighed.items()})

    def _begins_readable(self, label: Label, request: RoutingRequest) -> bool:
        """Later steps work on what the first one found, so that only the first must read a file."""
        first = self.agent_for(label[0], request) if label else None
        return first is None or self._reads(first, request)

    def _reads(self, agent: str, request: RoutingRequest) -> bool:
        return not request.media_types or any(map(self._agents[agent].reads, request.media_types))

    def agent_for(self, kind: str, request: RoutingRequest) -> str | None:
        """The agent that does this kind of work.

        Of several, one that can read the request's files; of these, the one whose card has most of its words.
        """
        able = [agent for agent, kinds in self.kinds.items() if kind in kinds]
        words = _stems(request.whole_text)
        return max(
            able, key=lambda agent: (self._reads(agent, request), len(words & self._vocabulary[agent])), default=None
        )


def _kinds(agent: Agent) -> tuple[str, ...]:
    declared = tuple(kind.name for kind in packaged_kinds() if kind.tag in agent.tags)
    return declared or _kind_of_examples(agent) or (OWN + agent.id,)


def _kind_of_examples(agent: Agent) -> tuple[str, ...]:
    texts = [text[:EXAMPLE_CHARACTERS] for text in agent.examples[:EXAMPLES_READ]]
    predictions = [basic_classifier().predict(groups(text, (), packaged_lexicon())) for text in texts]
    for kind in packaged_kinds():
        total = sum(prediction.probabilities[(kind.name,)] for prediction in predictions)
        if predictions and total / len(predictions) >= CLEAR:
            return (kind.name,)
    return ()


def _taught(agent: Agent, kinds: tuple[str, ...]) -> list[Example]:
    """The agent's card as examples; its words on itself count where the corpus has none of its kind."""
    texts = list(agent.examples[:EXAMPLES_READ])
    weight = 1.0
    if kinds[0].startswith(OWN):
        texts += [f"{skill.name}. {skill.description}" for skill in agent.skills]
        weight = max(1.0, OWN_KIND_WEIGHT / len(texts)) if texts else 1.0
    return [learned(text[:EXAMPLE_CHARACTERS], (), kinds[:1], weight) for text in texts]


def _vocabulary(agent: Agent, examples: Iterable[RoutedExample]) -> frozenset[str]:
    texts = [agent.description, *agent.examples]
    texts += [" ".join((skill.name, skill.description, *skill.tags)) for skill in agent.skills]
    texts += [example.text for example in examples if example.agents == (agent.id,)]
    return frozenset().union(*map(_stems, texts))


def _stems(text: str) -> frozenset[str]:
    return frozenset(groups(text, (), packaged_lexicon())["word"])
