"""Faults planted into clean tables of several domains; nothing knows their column names."""

import random
from typing import Any

import pytest

from tests.unit.anomaly.samples import Rows, as_csv, detected, found, invoices, shipments, stock


@pytest.mark.parametrize("table", [invoices, shipments, stock])
def test_a_clean_table_has_no_findings(table: Any) -> None:
    assert found(table()) == {}


def planted(rows: Rows, row: int, **cells: Any) -> dict[str, Any]:
    """The record of the one row that was changed, which must be the only one."""
    rows[row].update(cells)
    records = found(rows)
    assert list(records) == [row], records
    return records[row]


def test_a_broken_product() -> None:
    rows = invoices()
    record = planted(rows, 77, Gesamtbetrag="99.999,00")
    assert set(record["fields"]) == {"Menge", "Einzelpreis", "Gesamtbetrag"}
    assert "but Gesamtbetrag is 99,999" in record["reasons"][0]
    assert record["score"] > 0.9


def test_a_broken_sum() -> None:
    rows = stock()
    record = planted(rows, 9, on_hand=rows[9]["on_hand"] + 50)
    assert "on_shelf" in record["fields"]


@pytest.mark.parametrize(
    ("field", "factor"), [("units", 100), ("cost per unit", 100), ("total value", 100), ("units", 0.01)]
)
def test_a_slipped_unit_in_a_product(field: str, factor: float) -> None:
    rows = shipments()
    assert field in planted(rows, 33, **{field: rows[33][field] * factor})["fields"]


@pytest.mark.parametrize("count", [60, 250, 400])
def test_a_slipped_unit_that_no_rule_covers(count: int) -> None:
    rows = shipments(count)
    row = next(row for row in range(20, count) if rows[row]["weight kg"][0].isdigit())
    record = planted(rows, row, **{"weight kg": f"{float(rows[row]['weight kg']) * 100:.1f}"})
    assert record["fields"] == ["weight kg"]
    assert "times more" in record["reasons"][0]


def test_an_impossible_order_of_days_in_two_spellings() -> None:
    record = planted(shipments(), 50, arrival="2-Jan-24")
    assert record["fields"][0] == "arrival"
    assert "before booked on" in record["reasons"][0]


def test_german_days() -> None:
    assert "Lieferdatum" in planted(invoices(), 12, Lieferdatum="02.01.2025")["fields"]


def test_a_day_that_does_not_exist() -> None:
    assert "does not exist" in planted(invoices(), 12, Lieferdatum="31.02.2025")["reasons"][0]


def test_a_wrong_year() -> None:
    assert "arrival" in planted(shipments(), 12, arrival="3-Mar-34")["fields"]


@pytest.mark.parametrize(("text", "reason"), [("-12", "negative"), ("0", "is 0")])
def test_negative_and_zero_quantities(text: str, reason: str) -> None:
    assert any(reason in each for each in planted(invoices(), 100, Menge=text)["reasons"])


@pytest.mark.parametrize("place", [3, 200, 240])
def test_a_copy_that_differs_in_its_id_only(place: int) -> None:
    rows = invoices()
    rows.insert(place, rows[120] | {"Rechnungsnr": "RE-99999"})
    copy = max(place, 120 if place > 120 else 121)
    records = found(rows)
    assert list(records) == [copy]
    assert "in every column but for Rechnungsnr" in records[copy]["reasons"][0]


def test_the_copy_is_the_row_whose_running_id_came_later() -> None:
    rows = shipments()
    rows.insert(10, rows[300] | {"ref": 9999})
    assert list(found(rows)) == [10]


def test_a_word_where_all_others_are_numbers() -> None:
    assert "is no number" in planted(invoices(), 5, Menge="zwölf")["reasons"][0]


def test_a_letter_in_a_number_beside_frequent_remarks() -> None:
    assert "is no number" in planted(shipments(), 5, **{"weight kg": "12O.5"})["reasons"][0]


def test_a_misspelt_name() -> None:
    assert "Brandt GmbH" in planted(invoices(), 5, Kunde="Brantd GmbH")["reasons"][0]


def test_a_missing_cell() -> None:
    assert "missing" in planted(invoices(), 5, Kunde="")["reasons"][0]


def test_few_rows_with_telling_names() -> None:
    content = (
        b"id,ordered,delivered,qty,price,total\n1,2025-01-02,2025-01-09,2,3,6\n2,2025-01-03,2025-01-08,4,3,12\n"
        + (b"3,2025-01-04,2025-01-02,5,2,10\n4,2025-01-04,2025-01-12,5,2,1000\n5,2025-01-05,2025-01-12,-1,2,-2\n")
    )
    records = {record["row"]: record for record in detected(content)["records"]}
    assert set(records) == {2, 3, 4}


def test_rows_that_are_faulty_in_bulk_are_no_exceptions() -> None:
    """Where every second total is off there is no such rule, and half a table is never reported."""
    rows = invoices()
    for row in rows[::2]:
        row["Gesamtbetrag"] = "1,00"
    assert len(found(rows)) < 12


def test_many_kinds_at_once_in_a_table_that_is_one_in_ten_faulty() -> None:
    rows, chance = shipments(), random.Random(4)
    faulty = chance.sample(range(len(rows)), 40)
    for position, row in enumerate(faulty):
        change = (
            {"units": -rows[row]["units"]},
            {"total value": rows[row]["total value"] * 1.3},
            {"arrival": "2-Jan-24"},
            {"cost per unit": rows[row]["cost per unit"] * 100},
        )[position % 4]
        rows[row].update(change)
    records = found(rows)
    assert len(set(records) & set(faulty)) >= 38
    assert len(set(records) - set(faulty)) <= 2


def test_the_summary_states_rules_threshold_and_kinds() -> None:
    rows = shipments()
    rows[7]["units"] = 0
    anomalies = detected(as_csv(rows))
    about = anomalies["summary"]
    assert about["rules"] == ["units × cost per unit = total value"]
    assert (about["rows"], about["reported"], about["listed"], about["threshold"]) == (400, 1, 1, 0.5)
    assert set(about["by_kind"]) == {"zero", "arithmetic"}
    assert anomalies["columns"]["weight kg"]["words"]["examples"] == ["weighed with previous line"]
