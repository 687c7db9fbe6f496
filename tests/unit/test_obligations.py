"""Every MUST of the specification has its test, and the page that says which is true."""

import os
from pathlib import Path

from tests.support.obligations import marked, table

PAGE = Path(__file__).parents[2] / "docs" / "obligations.md"


def test_every_obligation_has_a_test() -> None:
    assert [key for key, tests in marked().items() if not tests] == []


def test_the_page_says_which() -> None:
    if os.environ.get("OBLIGATIONS_TABLE") == "write":
        PAGE.write_text(table(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == table()
