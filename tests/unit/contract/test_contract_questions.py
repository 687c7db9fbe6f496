import pytest

from contract_agent.questions import Term, question


def term(text: str, word: str) -> Term:
    return next(found for found in question(text).terms if word in found.text)


@pytest.mark.parametrize(
    ("asked", "numbered"),
    [
        ("What is the target for Priority 2?", ["Priority 2"]),
        ("Which fee applies in zone B?", ["zone B"]),
        ("What happens on March 12?", []),
        ("Must they answer within 10 days?", []),
    ],
)
def test_what_is_told_apart_by_its_number_is_one_term(asked: str, numbered: list[str]) -> None:
    assert [found.text for found in question(asked).terms if found.numbered] == numbered


def test_a_sentence_that_asks_nothing_is_context() -> None:
    asked = "Our lorry broke down in Lyon. Who pays for the towing?"
    assert term(asked, "lorry").context
    assert not term(asked, "towing").context


def test_without_a_sentence_that_asks_nothing_is_context() -> None:
    assert not any(found.context for found in question("Find the clause on pallets. It is urgent.").terms)


def test_names_in_capitals_are_names_whatever_they_mean() -> None:
    found = question("May BUYER CORPORATION refuse?").terms
    assert [item.text for item in found if item.name] == ["BUYER", "CORPORATION"]


def test_what_a_fee_is_asked_for_is_a_subject() -> None:
    found = question("What is the late fee for the refrigerated pallets, and who pays it?").terms
    assert [item.text for item in found if item.subject] == ["refrigerated", "pallets"]


@pytest.mark.parametrize(
    ("asked", "naming"),
    [
        ("Wie lang ist die Kündigungsfrist im Lagervertrag?", ["Lager", "vertrag"]),
        ("Was steht in der Dienstleistungsvereinbarung?", ["Dienstleistung", "vereinbarung"]),
        ("Was steht im Vertrag zur Vertragsstrafe?", ["Vertrag"]),
    ],
)
def test_a_compound_that_names_an_agreement_names_what_it_is_on(asked: str, naming: list[str]) -> None:
    assert [found.text for found in question(asked).naming] == naming


def test_a_longer_word_is_not_light_because_of_its_stem() -> None:
    assert term("Is this specific?", "specific").light
    assert not term("Where are the specifications?", "specifications").light
