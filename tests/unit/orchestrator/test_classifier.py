from collections import Counter

import pytest

from orchestrator.language.classifier import Classifier, Example
from orchestrator.language.composition import predict
from orchestrator.language.corpus import packaged_corpus, packaged_kinds
from orchestrator.language.features import groups
from orchestrator.language.lexicon import packaged_lexicon
from orchestrator.routers.workforce import basic_classifier


def example(text: str, *label: str, weight: float = 1.0) -> Example:
    return Example({"word": Counter(text.split())}, label, weight)


@pytest.fixture
def fruit() -> Classifier:
    examples = [
        example("red apple", "apple"),
        example("green apple", "apple"),
        example("red cherry", "cherry"),
        example("dark cherry", "cherry"),
        example("nothing red"),
        example("nothing green"),
    ]
    return Classifier(examples, {"word": 1.0}, "word")


def test_words_decide_and_explain(fruit: Classifier) -> None:
    prediction = fruit.predict({"word": Counter(["cherry", "red"])})
    assert prediction.best == ("cherry",)
    assert prediction.evidence[("cherry",)][0] == "cherry"


def test_probabilities_sum_to_one(fruit: Classifier) -> None:
    assert sum(fruit.predict({"word": Counter(["unheard"])}).probabilities.values()) == pytest.approx(1.0, abs=1e-5)


def test_training_is_reproducible(fruit: Classifier) -> None:
    examples = [example("a b", "x"), example("a c", "y")] * 5
    first, second = (Classifier(examples, {"word": 1.0}, "word") for _ in range(2))
    groups = {"word": Counter(["b"])}
    assert first.predict(groups) == second.predict(groups)


def test_a_heavy_example_is_heard_although_it_is_alone() -> None:
    crowd = [example("common word", "many")] * 20
    alone = Classifier([*crowd, example("rare", "one", weight=30.0)], {"word": 1.0}, "word")
    assert alone.predict({"word": Counter(["rare"])}).best == ("one",)


def test_the_corpus_names_known_kinds_in_the_order_of_work() -> None:
    order = [kind.name for kind in packaged_kinds()]
    for request in packaged_corpus():
        assert [order.index(kind) for kind in request.kinds] == sorted(order.index(kind) for kind in request.kinds)


def test_no_request_stands_in_the_corpus_under_two_labels() -> None:
    labels: dict[tuple[str, tuple[str, ...]], set[tuple[str, ...]]] = {}
    for request in packaged_corpus():
        labels.setdefault((request.text, request.attachments), set()).add(request.kinds)
    assert [key for key, found in labels.items() if len(found) > 1] == []


def test_clauses_that_ask_for_several_things_speak_for_all_of_them() -> None:
    text = "Look for errors in the parcel table. Which clause covers them? Then notify the sender of the parcels."
    label = ("inspect", "consult", "write")
    whole = basic_classifier().predict(groups(text, (), packaged_lexicon()))
    composed = predict(basic_classifier(), text, (), packaged_lexicon())
    assert composed.probabilities[label] > whole.probabilities[label]
    assert sum(composed.probabilities.values()) == pytest.approx(1.0)
