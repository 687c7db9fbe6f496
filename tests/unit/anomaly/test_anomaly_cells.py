"""Numbers and days as people write them, and what a column is taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_agent.dates import looks_like_date, parse_date, written
from anomaly_agent.numerals import decimal_mark, parse_number
from anomaly_agent.profile import profiled, summary
from anomaly_agent.table import Table


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", 1234.5), ("1.234,50", 1234.5), ("1 234,5", 1234.5), ("1'234", 1234.0), ("1,23,456", 123456.0),
        ("(45.00)", -45.0), ("45-", -45.0), ("−3", -3.0), ("$ 1,200", 1200.0), ("12 EUR", 12.0), ("12 kg", 12.0),
        (".5", 0.5), ("1e3", 1000.0), ("7%", 7.0), ("0.123", 0.123),
    ],
)  # fmt: skip
def test_numbers_are_read(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text", ["", "12O.5", "10.0.0.123", "2.06.2014", "300mg", "1,2,3", "--5", "(5", "nan", "12 34", "1e999"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None


def test_one_certain_cell_decides_for_the_uncertain_ones() -> None:
    assert decimal_mark(["1.234", "0,75"]) == ","
    assert parse_number("1.234", ",") == 1234.0
    assert parse_number("1,234", ",") == 1.234
    assert decimal_mark(["1,234", "0.75"]) == "."


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2-Jun-06", "2006-06-02"), ("11/13/2006", "2006-11-13"), ("13/11/2006", "2006-11-13"),
        ("3.4.2024", "2024-04-03"),
        ("3. März 2024", "2024-03-03"), ("12 de mayo de 2023", "2023-05-12"), ("1 août 2022", "2022-08-01"),
        ("Mon, 02 Jun 2014 10:00 PM", "2014-06-02 22:00:00"), ("2024-01-01T10:00:00+02:00", "2024-01-01 08:00:00"),
        ("20240131T0815", "2024-01-31 08:15:00"), ("June 5, 2021", "2021-06-05"),
    ],
)  # fmt: skip
def test_days_are_read(text: str, day: str) -> None:
    moment = parse_date(text)
    assert moment is not None
    assert written(moment) == day


def test_a_day_that_does_not_exist_is_told_from_a_word() -> None:
    assert parse_date("31-Feb-2024") is None
    assert looks_like_date("31-Feb-2024")
    assert not looks_like_date("Date Not Captured")


@given(st.text(max_size=60))
def test_any_text_is_a_cell(text: str) -> None:
    parse_number(text)
    parse_number(text, ",")
    parse_date(text)
    parse_date(text, day_first=True)


def test_columns_are_told_apart() -> None:
    rows = [
        (
            str(7 * index),
            f"{index % 28 + 1}/{index % 12 + 1}/2024",
            "Freight included" if index % 3 else f"{index}.5",
            "Air",
        )
        for index in range(60)
    ]
    columns = profiled(Table(("shipment no", "sent", "freight", "mode"), rows, "csv"))
    assert [column.kind for column in columns] == ["id", "date", "number", "category"]
    assert summary(columns[1])["read_as"] == "day first"
    assert summary(columns[2])["words"] == {"count": 40, "examples": ["Freight included"]}
