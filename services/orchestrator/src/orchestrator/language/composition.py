"""What a whole request reads like, weighed with what each of its clauses reads like.

A request for two kinds of work is hardly ever like another one as a whole, but its clauses are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestrator.language.classifier import Classifier, Label, Prediction
from orchestrator.language.clauses import Clause, clauses
from orchestrator.language.features import groups_of
from orchestrator.language.lexicon import Lexicon

CLAUSES_WEIGHT = 0.7
TOLD = 0.6
"""What a clause counts that tells something instead of asking for it, or that has a single word."""
CERTAIN = 0.98
MOST_CLAUSES = 40
LEAST = 1e-6


def predict(classifier: Classifier, text: str, attachments: Sequence[str], lexicon: Lexicon) -> Prediction:
    """The classifier's prediction for the request, corrected by those for its clauses."""
    parts = clauses(text, lexicon)
    whole = classifier.predict(groups_of(parts, attachments))
    if len(parts) < 2:
        return whole
    absent = _absent(classifier, parts[:MOST_CLAUSES], attachments, whole.probabilities)
    scores = {
        label: math.log(probability + LEAST)
        + CLAUSES_WEIGHT * sum(math.log(1 - none if kind in label else none) for kind, none in absent.items())
        for label, probability in whole.probabilities.items()
    }
    highest = max(scores.values())
    powers = {label: math.exp(score - highest) for label, score in scores.items()}
    total = sum(powers.values())
    return replace(whole, probabilities={label: power / total for label, power in powers.items()})


def _absent(
    classifier: Classifier, parts: Iterable[Clause], attachments: Sequence[str], labels: Iterable[Label]
) -> dict[str, float]:
    """Per kind of work the probability that no clause asks for it, between 0 and 1 exclusive."""
    absent = dict.fromkeys({kind for label in labels for kind in label}, 1.0)
    for part in parts:
        counts = TOLD if part.mode in ("statement", "settled") or len(part.words) < 2 else 1.0
        probabilities = classifier.predict(groups_of((part,), attachments)).probabilities
        for kind in absent:
            asked = sum(probability for label, probability in probabilities.items() if kind in label)
            absent[kind] *= 1 - counts * CERTAIN * asked
    return {kind: min(max(none, LEAST), 1 - LEAST) for kind, none in absent.items()}
