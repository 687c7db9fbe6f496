"""Tables of several domains in which nothing is wrong, for tests to plant faults in."""

import csv
import io
import random
from datetime import date, timedelta
from typing import Any

import pytest

from anomaly_agent.detection import detect
from anomaly_agent.limits import Limits
from anomaly_agent.outcome import Detection
from anomaly_agent.reading import read_file
from anomaly_agent.source import FileSource
from anomaly_agent.table import Table
from crossdock.errors import Rejected

Rows = list[dict[str, Any]]


def invoices(count: int = 240) -> Rows:
    """Invoices with German headers and decimal commas."""
    chance = random.Random(1)
    rows = []
    for number in range(count):
        ordered = date(2025, 1, 7) + timedelta(days=number // 3)
        quantity, price = (
            chance.randint(2, 180),
            round(chance.choice([3.2, 8.9, 41.0, 120.0]) * chance.uniform(0.9, 1.1), 2),
        )
        rows.append(
            {
                "Rechnungsnr": f"RE-{9000 + number}",
                "Bestelldatum": f"{ordered:%d.%m.%Y}",
                "Lieferdatum": f"{ordered + timedelta(days=chance.randint(1, 15)):%d.%m.%Y}",
                "Kunde": chance.choice(["Müller KG", "Ødegård AS", "Lécuyer SARL", "Brandt GmbH"]),
                "Menge": quantity,
                "Einzelpreis": _comma(price),
                "Gesamtbetrag": _comma(round(quantity * price, 2)),
            }
        )
    return rows


def shipments(count: int = 400) -> Rows:
    """Freight with English headers, days in two spellings and remarks among the weights."""
    chance = random.Random(2)
    goods = {"bearing": (3.1, 0.2), "coil": (48.0, 26.0), "film roll": (6.4, 2.5), "tyre": (80.0, 11.0)}
    rows = []
    for number in range(count):
        booked = date(2024, 3, 1) + timedelta(days=number // 2)
        arrived = booked + timedelta(days=chance.randint(2, 21))
        item = chance.choice(list(goods))
        price, kilos = goods[item]
        units = chance.randint(4, 400)
        cost = round(price * chance.uniform(0.95, 1.05), 2)
        weight = f"{units * kilos * chance.uniform(1.0, 1.2) + 5:.1f}"
        rows.append(
            {
                "ref": 5000 + number,
                "item": item,
                "booked on": f"{booked:%m/%d/%Y}",
                "arrival": f"{arrived.day}-{arrived:%b-%y}",
                "units": units,
                "cost per unit": cost,
                "total value": round(units * cost, 2),
                "weight kg": weight if chance.random() > 0.15 else "weighed with previous line",
            }
        )
    return rows


def stock(count: int = 60) -> Rows:
    """Warehouse counts: a sum instead of a product."""
    chance = random.Random(3)
    rows = []
    for number in range(count):
        shelf, reserve = chance.randint(10, 400), chance.randint(10, 900)
        rows.append({"bin": f"A-{number:03d}", "on_shelf": shelf, "in_reserve": reserve, "on_hand": shelf + reserve})
    return rows


def as_csv(rows: Rows, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, rows[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode(encoding)


def _comma(value: float) -> str:
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def detected(content: bytes, name: str = "table.csv") -> dict[str, Any]:
    detection = detect(lambda text, fraction: None, FileSource(content, name), Limits())
    assert isinstance(detection, Detection)
    return detection.anomalies


def found(rows: Rows) -> dict[int, dict[str, Any]]:
    """The records by row."""
    delimiter = ";" if "Menge" in rows[0] else ","
    return {record["row"]: record for record in detected(as_csv(rows, delimiter))["records"]}


def read(content: bytes, name: str = "", limits: Limits | None = None) -> Table:
    return read_file(content, limits or Limits(), name)


def refusal(content: bytes, name: str = "", limits: Limits | None = None) -> str:
    with pytest.raises(Rejected) as caught:
        read(content, name, limits)
    return str(caught.value)
