"""Which label a set of features belongs to: multinomial logistic regression, trained in a fraction of a second.

Training works on the examples' inner products (its dual form), since there are far fewer examples than features;
afterwards one weight per feature and label is all that is kept, so that a prediction can be explained by its words.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Label = tuple[str, ...]
Groups = Mapping[str, Counter[str]]
Matrix = NDArray[np.floating[Any]]

REGULARISATION = 0.1
STEPS = 150
POWER_STEPS = 10


@dataclass(frozen=True, slots=True)
class Example:
    features: Groups
    label: Label
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """`probabilities` sum to one; `evidence` are a group's features that speak for a label, strongest first."""

    probabilities: Mapping[Label, float]
    evidence: Mapping[Label, Sequence[str]]

    @property
    def best(self) -> Label:
        return max(self.probabilities, key=lambda label: self.probabilities[label])


class Space:
    """Features by place: a group's features are weighed by rarity and brought to the length of the group's weight.

    Features of a single example are left out, unless it weighs more than one.
    """

    def __init__(self, examples: Sequence[Example], group_weights: Mapping[str, float]) -> None:
        seen: Counter[tuple[str, str]] = Counter()
        heard: dict[tuple[str, str], float] = defaultdict(float)
        for example in examples:
            for key in ((group, feature) for group, found in example.features.items() for feature in found):
                seen[key] += 1
                heard[key] += example.weight
        self._group_weights = group_weights
        self._places = {key: place for place, key in enumerate(key for key in seen if heard[key] > 1)}
        self._rarity = {key: math.log((len(examples) + 1) / (seen[key] + 1)) + 1 for key in self._places}
        self._unknown = math.log(len(examples) + 1) + 1

    def __len__(self) -> int:
        return len(self._places)

    def vector(self, groups: Groups) -> dict[int, float]:
        """The places that are not zero. Unknown features have none, but lengthen their group."""
        found: dict[int, float] = {}
        for group, features in groups.items():
            values = {
                feature: (1 + math.log(count)) * self._rarity.get((group, feature), self._unknown)
                for feature, count in features.items()
            }
            length = math.sqrt(sum(value * value for value in values.values())) or 1.0
            for feature, value in values.items():
                place = self._places.get((group, feature))
                if place is not None:
                    found[place] = self._group_weights[group] * value / length
        return found

    def place(self, group: str, feature: str) -> int | None:
        return self._places.get((group, feature))


class Classifier:
    """`evidence_group` is the group of features that predictions are explained with."""

    def __init__(self, examples: Sequence[Example], group_weights: Mapping[str, float], evidence_group: str) -> None:
        self._evidence_group = evidence_group
        self._labels = tuple(dict.fromkeys(example.label for example in examples))
        self._space = Space(examples, group_weights)
        vectors = np.zeros((len(examples), len(self._space)), dtype=np.float32)
        for row, example in enumerate(examples):
            vector = self._space.vector(example.features)
            vectors[row, list(vector.keys())] = list(vector.values())
        dual = self._train(vectors, examples)
        self._weights: Matrix = vectors.T @ dual
        self._bias: Matrix = dual.sum(axis=0)

    def _train(self, vectors: Matrix, examples: Sequence[Example]) -> Matrix:
        """Accelerated gradient descent; the step is safe for the largest curvature."""
        products = vectors @ vectors.T + np.float32(1.0)
        truth = np.array([[e.label == label for label in self._labels] for e in examples], dtype=np.float32)
        importance = np.array([[example.weight] for example in examples], dtype=np.float32)
        scale = np.sqrt(importance)
        curvature = 0.5 * _largest_eigenvalue(scale * products * scale.T) + REGULARISATION
        current = ahead = np.zeros_like(truth)
        for step in range(STEPS):
            gradient = importance * (_softmax(products @ ahead) - truth) + REGULARISATION * ahead
            following = ahead - gradient / np.float32(curvature)
            ahead = following + np.float32(step / (step + 3)) * (following - current)
            current = following
        return current

    def predict(self, groups: Groups) -> Prediction:
        vector = self._space.vector(groups)
        places, values = list(vector.keys()), np.array(list(vector.values()), dtype=np.float32)
        scores = _softmax((values @ self._weights[places] + self._bias)[None, :])[0]
        probabilities = {label: float(score) for label, score in zip(self._labels, scores, strict=True)}
        return Prediction(probabilities, self._evidence(groups, vector))

    def _evidence(self, groups: Groups, vector: Mapping[int, float]) -> dict[Label, list[str]]:
        placed = {
            feature: place
            for feature in groups[self._evidence_group]
            if (place := self._space.place(self._evidence_group, feature)) is not None
        }
        evidence = {}
        for column, label in enumerate(self._labels):
            gains = {
                feature: vector[place] * float(self._weights[place, column] - self._weights[place].mean())
                for feature, place in placed.items()
            }
            evidence[label] = sorted((f for f in gains if gains[f] > 0), key=lambda feature: -gains[feature])
        return evidence


def _largest_eigenvalue(products: Matrix) -> float:
    """An upper estimate by power iteration; the entries are inner products of features that are mostly positive."""
    direction = np.ones(len(products), dtype=products.dtype)
    for _ in range(POWER_STEPS):
        direction = products @ direction
        direction /= np.linalg.norm(direction)
    return 1.1 * float(np.linalg.norm(products @ direction))


def _softmax(scores: Matrix) -> Matrix:
    powers: Matrix = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return shares
