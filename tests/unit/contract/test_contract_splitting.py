"""Clauses keep their numbers, headings and places, whatever the text."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_agent.documents import Limits
from contract_agent.reading import read
from contract_agent.splitting import split
from crossdock.pipeline import FilePart


def labels(text: str) -> list[tuple[str, str]]:
    return [(clause.number, clause.heading) for clause in split(text)]


@pytest.mark.parametrize(
    ("line", "number", "heading"),
    [
        ("2.3. Canceling Orders. The buyer may cancel.", "2.3", "Canceling Orders"),
        ("Article 5 – Delivery\nGoods are delivered by noon.", "Article 5", "Delivery"),
        ("## § 7 Security\nThe site is fenced.", "§ 7", "Security"),
        ("Section 4. Fees\nEach filing costs EUR 10.", "Section 4", "Fees"),
        ("Annex B. Acceptance Criteria\nThe load weighs 3 t.", "Annex B", "Acceptance Criteria"),
        ("Schedule 1\nA – B EUR 12", "Schedule 1", ""),
        ("3.1\tA default is made good.", "3.1", ""),
        ("C.2.1 Loggers record every five minutes.", "C.2.1", ""),
        ("(b) Deemed Acceptance. Silence is consent.", "(b)", "Deemed Acceptance"),
        ("iv. Outstanding items are collected.", "iv.", ""),
        ("5. **Booking.** Orders are sent by 14:00.", "5", "Booking"),
    ],
)
def test_number_and_heading_are_kept(line: str, number: str, heading: str) -> None:
    assert labels(line) == [(number, heading)]


def test_the_marks_of_a_heading_are_no_part_of_the_clause() -> None:
    text = "## Late Delivery.\n\nThe seller pays 10 % for each day.\n"
    (clause,) = split(text)
    assert text[clause.start : clause.end] == "Late Delivery.\n\nThe seller pays 10 % for each day."


def test_items_are_printed_behind_the_number_of_their_clause() -> None:
    text = "2. Orders\n2.2. Changes\n(a) By Notice. Within two days.\n(b) By Silence. After two days.\n"
    assert [number for number, _ in labels(text)] == ["2.2 (a)", "2.2 (b)"]


def test_nested_markdown_lists_count_by_indentation() -> None:
    text = "6. Term\n   1. Start. It starts now.\n   2. End. It ends\n      1. by notice.\n7. Law. French law.\n"
    assert [number for number, _ in labels(text)] == ["6.1", "6.2", "7"]


def test_letter_i_after_h_is_a_letter() -> None:
    text = "1. Goods.\n" + "\n".join(f"({letter}) Item {letter} is sold." for letter in "abcdefghi")
    assert labels(text)[-1][0] == "1 (i)"


def test_a_list_stays_with_the_sentence_that_it_completes() -> None:
    text = "4.1 The carrier is not liable for\n(a) strikes,\n(b) ice, or\n(c) war.\n"
    (clause,) = split(text)
    assert (clause.number, text[clause.start : clause.end]) == ("4.1", text.strip())


def test_items_of_a_long_list_have_its_opening_in_their_context() -> None:
    items = "\n".join(f"({letter}) {'a very long item ' * 20}end." for letter in "abc")
    found = split(f"4.1 The carrier is not liable for\n{items}\n")
    assert all("not liable for" in clause.context for clause in found if "(" in clause.number)


def test_a_table_stays_with_its_heading() -> None:
    text = "### Credits\n\nThese apply:\n\n| Target | Credit |\n|---|---|\n| 98 % | EUR 5 |\n\nNext paragraph."
    first, second = split(text)
    assert text[first.start : first.end].endswith("| 98 % | EUR 5 |")
    assert (first.heading, second.heading) == ("Credits", "Credits")


def test_numbers_at_the_beginning_of_a_wrapped_line_open_no_clause() -> None:
    text = "3.1 A filing costs EUR 68; each further line costs EUR\n6.50.\n3.2 A transit document costs EUR 52.\n"
    assert [number for number, _ in labels(text)] == ["3.1", "3.2"]


def test_sentences_that_begin_with_section_open_no_clause() -> None:
    assert len(split("1. Scope. This is subject to\nSection 5 of the main contract.\n")) == 1


@given(st.text(max_size=400) | st.text("123.() \t\n#§ab|-=AnexArticle", max_size=400))
def test_ranges_are_ordered_and_inside_the_text(text: str) -> None:
    position = 0
    for clause in split(text):
        assert position <= clause.start < clause.end <= len(text)
        assert text[clause.start : clause.end].strip() == text[clause.start : clause.end]
        position = clause.end


def test_no_word_of_the_samples_is_lost(samples: Path) -> None:
    for path in samples.iterdir():
        text = read(FilePart(path.name, "", path.read_bytes()), Limits()).text
        covered = "".join(text[clause.start : clause.end] for clause in split(text))
        headings = "".join(clause.context for clause in split(text))
        missing = [word for word in text.split() if word.strip("#*_|-=. ") not in covered + headings]
        assert not [word for word in missing if len(word) > 3 and not word.startswith("=")], path.name


@pytest.mark.parametrize("marker", ["i. ", "(a) ", "1.1 ", "IV. "])
def test_a_line_of_nothing_but_numbers_is_split_at_once(marker: str) -> None:
    started = time.monotonic()
    assert split(marker * 100_000)
    assert time.monotonic() - started < 3
