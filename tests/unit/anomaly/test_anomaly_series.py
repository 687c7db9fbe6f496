"""Series of several kinds: what is planted is found, and ordinary ones stay quiet."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.unit.anomaly.samples import as_csv, detected

COUNT = 2_000
DAY = 288


def normal(chance: np.random.Generator) -> Any:
    return chance.normal(50, 2, COUNT)


def daily(chance: np.random.Generator) -> Any:
    return 20 + 5 * np.sin(2 * np.pi * np.arange(COUNT) / DAY) + chance.normal(0, 0.5, COUNT)


def square(chance: np.random.Generator) -> Any:
    return np.where(np.arange(COUNT) % DAY > 171, 80, 20) + chance.normal(0, 2, COUNT)


KINDS = {"normal": normal, "daily": daily, "square": square}


def rows(values: Any, minutes: int = 5) -> list[dict[str, Any]]:
    start = datetime(2025, 5, 5)
    return [
        {"time": f"{start + index * timedelta(minutes=minutes)}", "reading": f"{value:.4f}"}
        for index, value in enumerate(values)
    ]


def alarms(values: Any) -> list[int]:
    return [record["row"] for record in detected(as_csv(rows(values)))["records"]]


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_series_is_quiet(kind: str) -> None:
    assert sum(len(alarms(KINDS[kind](np.random.default_rng(seed)))) for seed in range(3)) <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "length"), [("spike", 1), ("dropout", 6), ("shift", 288), ("stuck", 150)])
def test_a_fault_is_found_where_it_is(kind: str, fault: str, length: int) -> None:
    values = KINDS[kind](np.random.default_rng(7))
    part = slice(1000, 1000 + length)
    values[part] = {
        "spike": values[part] + 10 * values.std(),
        "dropout": 0,
        "shift": values[part] + 3 * values.std(),
        "stuck": values[1000],
    }[fault]
    found = alarms(values)
    assert any(990 <= row <= 1010 + length for row in found)
    assert sum(not 970 <= row <= 1030 + length for row in found) <= 1


def test_bursts_that_are_the_way_of_a_series_are_no_alarms() -> None:
    chance = np.random.default_rng(3)
    assert len(alarms(10 + chance.normal(size=COUNT) + 30 * (chance.random(COUNT) < 0.02) * chance.random(COUNT))) <= 3


def test_one_record_per_alarm_with_its_stretch() -> None:
    values = normal(np.random.default_rng(1))
    values[500:520] = 90.0 + np.arange(20) / 10
    anomalies = detected(as_csv(rows(values)))
    (record,) = anomalies["records"]
    assert 500 <= record["row"] < 520
    assert record["fields"] == ["reading"]
    (series,) = anomalies["summary"]["series"]
    assert series["alarms"][0]["first_row"] in range(495, 501)
    assert series["alarms"][0]["from"].startswith("2025-05-06 17:")
    assert anomalies["summary"]["kind"] == "series"


def test_rows_are_the_files_rows_even_when_time_runs_backward() -> None:
    values = normal(np.random.default_rng(1))
    values[100] = 120.0
    content = as_csv(rows(values)[::-1])
    assert [record["row"] for record in detected(content)["records"]] == [COUNT - 1 - 100]


def test_a_few_numbers_without_a_clock() -> None:
    assert [record["row"] for record in detected(b"[2.4, 2.6, 2.5, 2.5, -40.0, 2.6]")["records"]] == [4]
    assert detected(b"[5, 5, 5, 5, 5, 5]")["records"] == []


def test_several_sensors_in_one_file() -> None:
    chance = np.random.default_rng(5)
    content = []
    for row in rows(chance.normal(4, 0.2, 600)):
        content += [
            row | {"sensor": "north"},
            row | {"sensor": "south", "reading": f"{float(row['reading']) + 15:.4f}"},
        ]
    content[601]["reading"] = "4.0"  # usual in the north, impossible in the south
    anomalies = detected(as_csv(content))
    assert [record["row"] for record in anomalies["records"]] == [601]
    assert "south" in anomalies["records"][0]["reasons"][0]


def test_a_moment_at_the_end_of_time_is_drawn_by_row() -> None:
    content = rows(normal(np.random.default_rng(1))[:60])
    content[-1]["time"] = "9999-12-31 00:00:00"
    content[0]["time"] = "0001-01-01 00:00:00"
    assert detected(as_csv(content))["summary"]["kind"] == "series"


def test_a_gap_in_the_readings_is_no_alarm() -> None:
    values = rows(daily(np.random.default_rng(2)))
    assert detected(as_csv(values[:700] + values[1100:]))["records"] == []


DAYS = 31


def monthly(**columns: Any) -> bytes:
    """One record a day for a month; each column is a function of the day's number."""
    return as_csv([{name: cell(index) for name, cell in columns.items()} for index in range(DAYS)])


def day(index: int) -> str:
    return f"2025-03-{index + 1:02d}"


def units(index: int) -> int:
    return index * 7 % 23 + 3


@pytest.mark.parametrize(
    "columns",
    [
        {"order_no": lambda index: 1000 + index, "order_date": day, "qty": units, "price": lambda index: index % 5 + 2},
        {"date": day, "customer": lambda index: "ABC"[index % 3], "qty": units, "price": lambda index: index % 5 + 2},
        {"shipment_id": lambda index: index + 1, "shipped": day, "weight_kg": units, "pallets": units},
        {"shipped_on": day, "carrier": lambda index: "DA"[index % 2], "weight_kg": units},
        {"Rechnungsnr": lambda index: 77 + index, "Datum": day, "Netto": units},
        {"order_id": lambda index: index + 1, "units": units},
        {"qty": units, "price": lambda index: 5},
    ],
)
def test_a_month_of_records_is_a_table(columns: dict[str, Any]) -> None:
    assert detected(monthly(**columns))["summary"]["kind"] == "table"


@pytest.mark.parametrize(
    "columns",
    [
        {"timestamp": lambda index: f"2025-03-01 10:{index:02d}", "count": units, "cost": units},
        {"created_at": lambda index: f"2025-03-01 10:{index:02d}", "entry_id": lambda index: index, "field1": units},
        {"date": day, "t_min": units, "t_max": lambda index: units(index) + 9},
        {"": lambda index: index, "time": day, "value": units},
        {"date": day, "amount": units},
    ],
)
def test_a_month_of_readings_is_a_series(columns: dict[str, Any]) -> None:
    assert detected(monthly(**columns))["summary"]["kind"] == "series"


def test_a_fault_in_a_month_of_orders_is_found_where_it_is() -> None:
    columns = {
        "order_no": lambda index: 1000 + index,
        "order_date": day,
        "qty": units,
        "price": lambda index: index % 5 + 2,
    }
    columns["total"] = lambda index: units(index) * (index % 5 + 2) + (100 if index == 20 else 0)
    (record,) = detected(monthly(**columns))["records"]
    assert (record["row"], "total" in record["fields"]) == (20, True)


def test_days_of_deliveries_make_no_series() -> None:
    content = as_csv([{"day": f"2025-01-{1 + index % 28:02d}", "boxes": index % 7 + 3} for index in range(80)])
    assert detected(content)["summary"]["kind"] == "table"
