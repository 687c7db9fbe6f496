from hypothesis import given
from hypothesis import strategies as st

from contract_agent.vocabulary import stem
from contract_agent.wordnet import WordNet, related, wordnet


def test_a_verb_with_its_particle_is_near_the_single_verb() -> None:
    assert related("call_off")[stem("cancel")] > 0.4
    assert related("farm_out")[stem("subcontract")] > 0.4


def test_a_word_that_is_derived_from_another_is_near_it() -> None:
    assert related(stem("departure"))[stem("depart")] > 0.5


def test_a_word_with_few_senses_is_nearer_than_one_with_many() -> None:
    net = WordNet("rare:9 sure:9\t\nrare:9 vague:1\t\n=\n")
    found = net.related("rare")
    assert found["sure"] > found["vague"] > 0


def test_one_step_up_counts_less_than_the_same_synset() -> None:
    net = WordNet("lorry:9 truck:9\t1\nvehicle:9\t\n=\n")
    found = net.related("lorry")
    assert found["truck"] > found["vehicle"] > 0


def test_an_unknown_word_has_no_neighbours() -> None:
    assert not wordnet().has("xyzzyq")
    assert related("xyzzyq") == {}


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_can_be_looked_up(word: str) -> None:
    assert all(0 < value <= 1 for value in wordnet().related(word).values())
