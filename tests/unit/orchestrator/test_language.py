import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.language.clauses import clauses
from orchestrator.language.features import groups
from orchestrator.language.grammar import packaged_grammar
from orchestrator.language.lexicon import Lexicon, packaged_lexicon
from orchestrator.language.spelling import Spelling
from orchestrator.language.words import plain


@pytest.mark.parametrize(("text", "expected"), [("Prüfe", "prufe"), ("STRASSE ß", "strasse ss"), ("ﬁne", "fine")])
def test_plain_text_has_no_case_accents_or_ligatures(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("word", ["wieght", "weigt", "weeight", "weigjt", "weight"])
def test_one_slip_is_forgiven(word: str) -> None:
    assert Spelling(["weight", "freight"]).near(word) >= {"weight"}


def test_two_slips_are_not() -> None:
    assert Spelling(["weight"]).near("wiegth") == frozenset()


def test_terms_match_as_words_beginnings_parts_and_phrases() -> None:
    lexicon = Lexicon({"a": {"words": "word begin* *part*", "phrases": ["some phrase"]}, "b": {"words": "word"}})
    assert lexicon.concepts("word") == {"a", "b"}
    assert lexicon.concepts("beginning") == {"a"}
    assert lexicon.concepts("apartment") == {"a"}
    assert lexicon.concepts("words") == frozenset()
    assert lexicon.phrases(["this", "is", "some", "phrase"]) == {"a"}


def test_a_misspelt_term_still_means_something() -> None:
    assert "matter.agreement" in packaged_lexicon().concepts("agreemnt")


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("Please check the file.", ["wish"]),
        ("Draft a letter to the carrier", ["wish"]),
        ("What does the contract say?", ["question"]),
        ("The truck is late.", ["statement"]),
        ("The check is done. Tell the carrier.", ["settled", "wish"]),
        ("Check the file and write to the carrier", ["wish", "wish"]),
        ("1) which were late 2) is it a breach", ["question", "question"]),
        ("", []),
    ],
)
def test_clauses_know_what_they_are(text: str, modes: list[str]) -> None:
    assert [clause.mode for clause in clauses(text, packaged_lexicon())] == modes


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("what is in the file", "english"),
        ("was ist in der Datei und wir", "german"),
        ("il y a des erreurs dans le fichier", "french"),
        ("hay errores en el archivo de los clientes", "spanish"),
    ],
)
def test_the_language_of_a_request(text: str, language: str) -> None:
    assert packaged_grammar().language(plain(text).split()) == language


@given(st.text(), st.lists(st.sampled_from(["table", "document", "image", "other"]), max_size=3))
def test_any_text_has_features(text: str, attachments: list[str]) -> None:
    assert groups(text, attachments, packaged_lexicon())["attachment"]
