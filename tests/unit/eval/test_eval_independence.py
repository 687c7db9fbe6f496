"""What counts as a development text that stands in the product."""

from pathlib import Path

from tests.eval.independence import copies, texts, words


def test_a_text_is_found_whatever_its_case_punctuation_and_line_breaks(tmp_path: Path) -> None:
    source = tmp_path / "card.py"
    source.write_text('examples=[\n    "What\'s the rate "\n    "on LANE seven?",\n]\n')
    sought = {"r1": words("what's the rate on lane seven"), "r2": words("the rate on lane seventy")}
    assert copies(sought, [source]) == {"r1": source}


def test_texts_that_anybody_may_say_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "routing.csv").write_text("id,request\nr1,pls help\nr2,who wrote this letter\nr3,\n")
    (tmp_path / "contract_questions.csv").write_text("id,question\nq1,What is due?\n")
    assert {name.rpartition(" ")[2] for name in texts(tmp_path)} == {"r2", "q1"}
