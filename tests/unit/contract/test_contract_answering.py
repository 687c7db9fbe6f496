"""Exact quotes for what a contract says, and nothing for what it does not say."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_agent.answering import Answer, Answering
from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document, Limits
from contract_agent.pipeline import memory_store
from contract_agent.questions import question
from contract_agent.reading import read
from contract_agent.vocabulary import language_of, stem
from crossdock.pipeline import FilePart
from tests.unit.contract.conftest import HAULAGE


@pytest.fixture
def answering(store: DatabaseContractStore, haulage: Document) -> Answering:
    store.add("acme", haulage.name, haulage)
    return Answering(store, "acme")


def quoted(answer: Answer) -> str:
    return " ".join(quote.text for quote in answer.quotes)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("What does an hour of waiting cost?", "EUR 60 per hour"),
        ("How long may a truck wait before it costs money?", "Two hours are free"),
        ("What penalty does Polder pay for a late truck?", "3 % of the freight"),
        ("What is the most that Polder pays for lateness?", "shall not exceed 20 %"),
        ("How much notice must we give to get out of the haulage agreement?", "90 days' notice"),
        ("Wie hoch ist die Vertragsstrafe bei Verspätung?", "3 % of the freight"),
        ("Quel est le préavis de résiliation ?", "90 days' notice"),
        ("¿Cuál es la penalización por retraso?", "3 % of the freight"),
        ("Wie lang ist die Kündigungsfrist?", "90 days' notice"),
        ("Welche Kündigungsfrist gilt?", "90 days' notice"),
        ("Welche Vertragsstrafe ist bei Verspätung vereinbart?", "3 % of the freight"),
        ("¿Qué penalización prevé el contrato por retraso?", "3 % of the freight"),
        ("Quelle pénalité le contrat prévoit-il en cas de retard ?", "3 % of the freight"),
    ],
)
def test_what_the_contract_says_is_quoted(answering: Answering, asked: str, said: str) -> None:
    assert said in quoted(answering.answer(asked))


@pytest.mark.parametrize(
    "asked",
    [
        "What demurrage is due per container?",
        "Who arbitrates disputes?",
        "Which interest rate applies to late payments?",
        "What bonus is paid for early delivery?",
        "How many pallets must the carrier return?",
        "What does an hour of waiting cost under the contract with Kestrel Freight?",
        "Which law governs the haulage terms?",
        "Must the carrier insure the goods?",
        "Welche Versicherung muss der Frachtführer haben?",
        "What is the notice period for helicopters?",
        "Which penalty applies to the delay of submarine cargo?",
        "Wie hoch ist die Vertragsstrafe für Hubschrauber?",
    ],
)
def test_what_it_does_not_say_is_not_found(answering: Answering, asked: str) -> None:
    answer = answering.answer(asked)
    assert (answer.found, answer.quotes, answer.confidence) == (False, (), 0.0)
    assert answer.reason


@pytest.fixture
def sampled(samples: Path, store: DatabaseContractStore) -> Answering:
    for path in sorted(samples.iterdir()):
        store.add("acme", path.name, read(FilePart(path.name, "", path.read_bytes()), Limits()))
    return Answering(store, "acme")


@pytest.mark.parametrize(
    "asked",
    [
        "Is there a penalty for early delivery? According to the contract.",
        "Is there a penalty for early delivery?",
        "Gibt es eine Strafe für zu frühe Anlieferung?",
        "Quelle est la pénalité en cas de livraison anticipée ?",
        "¿Hay penalización por entrega anticipada?",
        "Is there a discount for paying the invoices early?",
        "Who pays for the training of the drivers?",
        "What fine does the haulier pay if a driver wears no helmet?",
        "Wie hoch ist die Gebühr für eine verspätete Zollanmeldung?",
    ],
)
def test_a_quote_covers_what_is_asked_for_and_in_which_case(sampled: Answering, asked: str) -> None:
    assert not sampled.answer(asked).found


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Is there a penalty for late delivery?", "late"),
        ("How early must Halden book a transport?", "14:00"),
        ("Is there a charge for earlier cancellation with Northgate?", "Earlier cancellation is free"),
        ("Gibt es eine Vertragsstrafe bei verspäteter Lieferung?", "liquidated damages"),
        ("Y a-t-il une pénalité en cas de livraison tardive ?", "liquidated damages"),
        ("¿Hay una penalización por entrega tardía?", "liquidated damages"),
        ("Is there a supplement for declarations on Sundays?", "50 %"),
    ],
)
def test_what_is_there_for_the_case_asked_about_is_quoted(sampled: Answering, asked: str, said: str) -> None:
    assert said in quoted(sampled.answer(asked))


def test_damage_is_no_damages() -> None:
    assert stem("damage") == stem("damaged") != stem("damages")


def test_a_question_in_two_parts_is_answered_in_two_quotes(answering: Answering) -> None:
    answer = answering.answer("What penalty is due per day of delay, and how much notice ends the agreement?")
    assert "3 % of the freight" in quoted(answer)
    assert "90 days' notice" in quoted(answer)


def test_a_question_with_one_part_unanswered_says_what_is_there(answering: Answering) -> None:
    answer = answering.answer("What penalty is due per day of delay, and who insures the goods?")
    assert [quote.clause for quote in answer.quotes] == ["2.1 Delay"]


def test_quotes_are_slices_of_the_stored_text(answering: Answering) -> None:
    for quote in answering.answer("What does an hour of waiting cost?").quotes:
        assert HAULAGE[quote.start : quote.end] == quote.text
        assert quote.clause == "1 Waiting"


def test_parties_choose_between_like_contracts(store: DatabaseContractStore, haulage: Document) -> None:
    other = HAULAGE.replace("Polder Trucks B.V.", "Fjord Lines AS").replace("EUR 60", "EUR 75")
    store.add("acme", "haulage.md", haulage)
    store.add("acme", "fjord.md", Document("fjord.md", other))
    answer = Answering(store, "acme").answer("What does Fjord charge for an hour of waiting?")
    assert {quote.document for quote in answer.quotes} == {"fjord.md"}
    assert "EUR 75" in quoted(answer)


def test_long_clauses_are_quoted_in_part(store: DatabaseContractStore) -> None:
    filler = "The parties keep records of everything that they do under this clause. " * 30
    text = f"1. Records. {filler}The penalty for a lost record is EUR 500. {filler}\n"
    store.add("acme", "long.md", Document("long.md", text))
    (quote,) = Answering(store, "acme").answer("What is the penalty for a lost record?").quotes
    assert "EUR 500" in quote.text
    assert len(quote.text) <= 1_000
    assert text[quote.start : quote.end] == quote.text


@pytest.mark.parametrize(
    "asked", ["NEAR(", '"', "*", "stems : x", "a OR b AND NOT (c", "'; DROP TABLE clauses; --", "?!"]
)
def test_syntax_of_query_languages_is_only_text(answering: Answering, asked: str) -> None:
    assert not answering.answer(asked).found


@settings(deadline=None)
@given(st.text(max_size=120), st.text(max_size=200))
def test_any_question_on_any_text_is_answered_with_slices(asked: str, text: str) -> None:
    store = memory_store()
    store.add("acme", "any.md", Document("any.md", text))
    answer = Answering(store, "acme").answer(asked)
    assert answer.found == bool(answer.quotes)
    assert 0 <= answer.confidence <= 1
    assert all(text[quote.start : quote.end] == quote.text for quote in answer.quotes)


def test_the_words_of_a_question_have_roles() -> None:
    found = question("Which penalty does the Fjord framework agreement set for SHIP_001, and who pays it?")
    assert [term.text for term in found.naming] == ["Fjord", "framework", "agreement"]
    assert {term.text for term in found.names} == {"Fjord", "SHIP_001"}
    assert next(term for term in found.terms if term.focus).text == "penalty"
    assert len(found.parts) == 2


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is due?", "en"),
        ("Wie hoch ist die Strafe?", "de"),
        ("Quel est le délai ?", "fr"),
        ("¿Cuál es el plazo?", "es"),
        ("", "en"),
    ],
)
def test_languages_are_told_apart(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("word", "same"),
    [("2,000,000", "2000000"), ("98.0", "98"), ("1,5", "1.5"), ("Seven", "7"), ("Gävle", "gavle")],
)
def test_numbers_and_accents_have_one_spelling(word: str, same: str) -> None:
    assert stem(word) == same
