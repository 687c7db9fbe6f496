"""Any bytes are a table or a clear refusal."""

import contextlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anomaly_agent.limits import Limits
from anomaly_agent.pasted import find_table
from crossdock.errors import Rejected
from tests.unit.anomaly.samples import as_csv, read, refusal

LIMITS = Limits()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["", "a.csv", "a.tsv", "a.json", "a.jsonl", "a.xlsx"]))
def test_any_bytes_are_a_table_or_refused(content: bytes, name: str) -> None:
    try:
        table = read(content, name)
    except Rejected:
        return
    assert len(table) > 0
    assert all(len(row) == len(table.names) for row in table.rows)
    assert len(set(table.names)) == len(table.names)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='ab1,;\t|"\n\r {}[]:.-é', max_size=200))
@example(";\r1:;:")
@example('a,b\n"x,1\ny,2\n')
def test_any_text_is_a_table_or_refused(text: str) -> None:
    with contextlib.suppress(Rejected):
        read(text.encode())
    with contextlib.suppress(Rejected):
        find_table("Please look: " + text, LIMITS)


CELL = st.text(alphabet=st.characters(min_codepoint=97, max_codepoint=122) | st.sampled_from(' ,;"\té€'), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CELL, CELL, st.integers(-9999, 9999)), min_size=2, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_a_written_table_is_read_again(rows: list[tuple[str, str, int]], delimiter: str, encoding: str) -> None:
    records = [{"name": f"x{name}", "remark": remark, "amount": amount} for name, remark, amount in rows]
    table = read(as_csv(records, delimiter, encoding))
    assert table.names == ("name", "remark", "amount")
    assert [int(row[2]) for row in table.rows] == [record["amount"] for record in records]
    assert [row[0] for row in table.rows] == [record["name"] for record in records]


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        (b"a;b\n1;2\n\n3;4\n", ("a", "b"), [("1", "2"), ("3", "4")]),
        (b"5.1\n5.2\n5.3\n", ("column_1",), [("5.1",), ("5.2",), ("5.3",)]),
        (b"1,2\n3,4\n", ("column_1", "column_2"), [("1", "2"), ("3", "4")]),
        (b'a,b\n"x\ny",1\n12",2\n"z"z,"3"', ("a", "b"), [("x\ny", "1"), ('12"', "2"), ("zz", "3")]),
        (b"a,a,\n1,2,3\n", ("a", "a_2", "column_3"), [("1", "2", "3")]),
        (b"a,b\n1\n2,3,4\n", ("a", "b", "column_3"), [("1", None, None), ("2", "3", "4")]),
        (b"sep=;\na;b\n1;2\n", ("a", "b"), [("1", "2")]),
        (
            b"Report of May\n\nid,qty,mode\n1,5,air\n2,6,sea\n",
            ("id", "qty", "mode"),
            [("1", "5", "air"), ("2", "6", "sea")],
        ),
        (b'{"a": 1}\n{"a": 2, "b": 3}\n', ("a", "b"), [(1, None), (2, 3)]),
        (b'[{"a": 1, "b": "x"}]', ("a", "b"), [(1, "x")]),
        (b'{"records": [{"a": 1}]}', ("a",), [(1,)]),
        (b'{"a": [1, 2], "b": [3, 4]}', ("a", "b"), [(1, 3), (2, 4)]),
        (b'[["a", "b"], [1, 2], [3, 4]]', ("a", "b"), [(1, 2), (3, 4)]),
        (b"[1.5, 2.5, null]", ("value",), [(1.5,), (2.5,), (None,)]),
        (b"[1.5, 1e999, 1" + b"0" * 6000 + b"]", ("value",), [(1.5,), ("1e999",), ("1" + "0" * 6000,)]),
        (b"| id | qty |\n|---|---|\n| 1 | 3 |\n| 2 | 4 |\n", ("id", "qty"), [("1 ", "3 "), ("2 ", "4 ")]),
        (b'[{"\\ud800": "\\udc00x", "b": "\\ud83d\\ude00"}]', ("\ufffd", "b"), [("\ufffdx", "\U0001f600")]),
        (b"h" * 500 + b",b\n1,2\n", ("h" * 200, "b"), [("1", "2")]),
    ],
)
def test_shapes(content: bytes, names: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    table = read(content)
    assert (table.names, table.rows) == (names, rows)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b'[{"a": 1, "a": 2}]', "1 object(s) give a key more than once; the last value of each was read"),
        (b'{"a": 1, "a": 2}\n{"a": 3}\n', "1 object(s) give a key more than once; the last value of each was read"),
        (b"a,b,c\n1\n1,2,3\n1,2,3,4\n", "2 line(s) have more or fewer cells than the header or the first line"),
        (
            b"level: info\nwhat: x\nwhere: y\n",
            "read as one column of words: the lines have no comma, semicolon, tab or | in common",
        ),
    ],
)
def test_what_had_to_be_guessed_is_said(content: bytes, note: str) -> None:
    assert note in read(content).notes


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "", "empty"),
        (b" \n ", "", "empty"),
        (b"id,qty\n", "", "no rows"),
        (b"a,b\n1,\x00\n", "", "binary"),
        (b"\xff\xfea\x00", "", "words"),
        (b"\xff\xfe\x00\xd8", "", "not valid"),
        (b"%PDF-1.7 ...", "a.csv", "a PDF"),
        (b"PK\x03\x04rubbish", "a.xlsx", "damaged"),
        (b"\xd0\xcf\x11\xe0rest", "a.xls", "xls"),
        (b"<html><body>", "a.csv", "HTML"),
        (b'[{"a": 1}', "a.json", "line 1"),
        (b'{"a": 1}\n{"a": \n', "a.jsonl", "Line 2"),
        (b'"text"', "a.json", "does not begin"),
        (b"[]", "", "empty"),
        (b"[1, {}]", "", "mixes"),
        (b"[" * 100_000, "a.json", "deep"),
        (b'{"orders": [{"a": 1}], "shipments": [{"b": 2}]}', "", "2 lists of records ('orders', 'shipments')"),
        (b'a,b\n1,"' + b"x" * 140_000, "", "line 2"),
        (b'a,b\n"x,1\ny,2\nz,3\n', "", "in line 2 of the table is never closed"),
        (b'a,b\nw,0\n"x,1\ny,"2"\n', "", "in line 3 of the table is never closed"),
        (b'sep=;\na;b\nw;0\ny;"2\n', "", "in line 4 of the table is never closed"),
    ],
)
def test_refusals_say_what_to_change(content: bytes, name: str, says: str) -> None:
    text = refusal(content, name)
    assert any(part in text for part in says.split("|")), text


def test_limits() -> None:
    small = Limits(bytes=50, rows=3, columns=4, cells=8, unpacked=10)
    assert "50 are read" in refusal(b"x" * 51, limits=small)
    assert "more than 3 rows" in refusal(b"a\n" + b"b\n" * 4, limits=small)
    assert "5 columns" in refusal(b"a,b,c,d,e\n1,2,3,4,5\n", limits=small)
    assert "8 cells" in refusal(b"a,b,c\n" + b"1,2,3\n" * 3, limits=small)
    assert "5 columns" in refusal(json.dumps([dict.fromkeys("abcde", 1)]).encode(), limits=small)


@pytest.mark.parametrize(
    "text",
    [
        "Our cold room: 2.4 2.6 2.5 2.5 -40.0 2.6. Anything odd?",
        "Messwerte 2,4; 2,6; 2,5; 2,5; -40,0; 2,6 bitte prüfen",
        "values 2.4, 2.6, 2.5, 2.5, -40.0, 2.6",
    ],
)
def test_numbers_in_a_sentence(text: str) -> None:
    table = find_table(text, LIMITS)
    assert table is not None
    assert [row[0] for row in table.rows] == [2.4, 2.6, 2.5, 2.5, -40.0, 2.6]


@pytest.mark.parametrize(
    "text",
    [
        "Please check:\nid,qty\n1,3\n2,4\n\nThanks, Kim",
        "```csv\nid,qty\n1,3\n2,4\n```",
        "| id | qty |\n|---|---|\n| 1 | 3 |\n| 2 | 4 |",
        'Look at [{"id": 1, "qty": 3}, {"id": 2, "qty": 4}] please',
    ],
)
def test_a_table_in_a_message(text: str) -> None:
    table = find_table(text, LIMITS)
    assert table is not None
    assert table.names == ("id", "qty")
    assert [[str(cell).strip() for cell in row] for row in table.rows] == [["1", "3"], ["2", "4"]]


def test_a_part_of_a_message_is_said_to_be_one() -> None:
    table = find_table("Please check:\nid,qty\n1,3\n2,4\n3,4\n5,6,7\n\nThanks", LIMITS)
    assert table is not None
    assert "the table is 4 of the text's 7 lines" in table.notes


def test_several_fenced_tables_are_refused() -> None:
    with pytest.raises(Rejected, match="2 tables; a task takes one"):
        find_table("```\nid,qty\n1,3\n2,4\n```\nand\n```\nid,qty\n1,3\n2,4\n```", LIMITS)


def test_words_are_no_table() -> None:
    assert find_table("Compare prices, terms, and the rest, by 30 May 2024 [see below], thanks.", LIMITS) is None
