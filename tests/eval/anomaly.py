"""How well planted faults and labelled windows are found.

**Shipments.** Into each `shipments/*.csv` faults of five kinds are planted, one kind at a time, in 2 % of the rows,
with several seeds. A planted row counts as found when `detect` reports its row. Real tables have real faults, so two
precisions are taken:

* `F1`: a reported row is false if it was not planted and is not reported in the untouched table either. It measures
  what the planting caused; how many of the untouched table's rows are reported is printed above.
* `strict F1`: every reported row that was not planted is false, also the real faults of the file. It has a floor of
  its own for all kinds together.

**Sensors.** `anomaly_windows.json` maps each series to its windows. A window is recalled when a reported row lies in
it, however many do; a reported row outside every window is a false alarm.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from anomaly_agent.dates import parse_date
from anomaly_agent.detection import detect
from anomaly_agent.limits import Limits
from anomaly_agent.numerals import parse_number
from anomaly_agent.outcome import Detection
from anomaly_agent.source import FileSource
from tests.eval.report import Report, Score, floors

OWN = Path(__file__).parents[2] / "examples" / "data" / "shipments" / "carrier_export.csv"
SEEDS = (1, 2, 3)
SHARE = 0.02
FIELDS = {
    "quantity": ("quantity", "qty", "menge"),
    "price": ("pack price", "unit price", "price", "preis"),
    "unit price": ("unit price", "price", "preis"),
    "value": ("value", "total", "amount", "betrag"),
    "weight": ("weight", "gross", "gewicht"),
    "ordered": ("po sent", "ordered on", "order date", "bestell"),
    "delivered": ("delivered", "liefer"),
}
"""Words in the names of columns, the best first."""
Cells = list[str]


@dataclass
class Sheet:
    """Rows of text; `origin` is each row's index in the untouched file, None for one that was put in."""

    header: Cells
    rows: list[Cells]
    origin: list[int | None]
    planted: set[int] = field(default_factory=set)

    def place(self, name: str) -> int | None:
        for part in FIELDS[name]:
            for index, title in enumerate(self.header):
                if part in title.lower():
                    return index
        return None


@dataclass
class Count:
    found: int = 0
    planted: int = 0
    new: int = 0
    others: int = 0

    def f1(self, false: int) -> tuple[float, float, float]:
        precision = self.found / max(1, self.found + false)
        recall = self.found / max(1, self.planted)
        return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)

    def add(self, other: "Count") -> None:
        self.found += other.found
        self.planted += other.planted
        self.new += other.new
        self.others += other.others


def evaluate(data: Path) -> Report:
    scores, misses = [], []
    for part in (_shipments, _sensors):
        found, missed = part(data)
        scores += found
        misses += missed
    return Report(
        "Anomalies: planted faults in shipments, labelled windows in sensor series", tuple(scores), tuple(misses)
    )


def _shipments(data: Path) -> tuple[list[Score], list[str]]:
    files = sorted((data.resolve() / "shipments").glob("*.csv")) or [OWN]
    wanted = floors("anomaly")
    floor = wanted["injected F1"]
    counts = {kind: Count() for kind in KINDS}
    scores, misses = [], []
    for path in files:
        sheet = _sheet(path)
        untouched = _reported(sheet)
        share = len(untouched) / len(sheet.rows)
        scores.append(
            Score("rows reported, untouched", share, None, f"{len(untouched)} of {len(sheet.rows)} in {path.name}")
        )
        for kind, plant in KINDS.items():
            for seed in SEEDS:
                count, missed = _trial(sheet, plant, seed, untouched)
                counts[kind].add(count)
                misses += [f"{path.name}, {kind}, seed {seed}: {line}" for line in missed[:2]]
    for kind, count in counts.items():
        scores += _scores(kind, count, floor if count.planted else None)
    total = Count()
    for count in counts.values():
        total.add(count)
    strict = "strict F1, own samples" if OWN in files else "strict F1"
    return scores + _scores("all kinds", total, floor, wanted[strict]), misses


def _scores(kind: str, count: Count, floor: float | None, strict_floor: float | None = None) -> list[Score]:
    precision, recall, f1 = count.f1(count.new)
    strict_precision, _, strict = count.f1(count.others)
    found = f"recall {recall:.3f}, {count.found} of {count.planted} found"
    detail = f"precision {precision:.3f}, {found}, {count.new} new false"
    strictly = f"precision {strict_precision:.3f}, {found}, {count.others} other rows reported"
    return [Score(f"F1 {kind}", f1, floor, detail), Score(f"strict F1 {kind}", strict, strict_floor, strictly)]


def _trial(sheet: Sheet, plant: "Plant", seed: int, untouched: set[int]) -> tuple[Count, list[str]]:
    spoilt = Sheet(sheet.header, [list(row) for row in sheet.rows], list(sheet.origin))
    notes = plant(spoilt, random.Random(seed), max(3, round(SHARE * len(sheet.rows))))
    reported = _reported(spoilt)
    others = reported - spoilt.planted
    count = Count(
        found=len(reported & spoilt.planted),
        planted=len(spoilt.planted),
        new=sum(1 for row in others if spoilt.origin[row] not in untouched),
        others=len(others),
    )
    return count, [f"row {row}: {notes.get(row, 'copy')}" for row in sorted(spoilt.planted - reported)]


def _sheet(path: Path) -> Sheet:
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8", "replace"), newline="")))
    return Sheet(rows[0], rows[1:], list(range(len(rows) - 1)))


def _reported(sheet: Sheet) -> set[int]:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([sheet.header, *sheet.rows])
    source = FileSource(stream.getvalue().encode(), "table.csv", "text/csv")
    detection = detect(lambda text, fraction: None, source, Limits(records=10**6))
    assert isinstance(detection, Detection)
    return {record["row"] for record in detection.anomalies["records"]}


Plant = Callable[[Sheet, random.Random, int], dict[int, str]]


def _with_numbers(sheet: Sheet, *names: str) -> Iterator[tuple[int, list[int], list[float]]]:
    """Rows where all these fields hold positive numbers, with the fields' places and values."""
    places = [sheet.place(name) for name in names]
    if None in places:
        return
    known = [place for place in places if place is not None]
    for row, cells in enumerate(sheet.rows):
        values = [parse_number(cells[place]) if place < len(cells) else None for place in known]
        numbers = [value for value in values if value is not None and value > 0]
        if len(numbers) == len(known):
            yield row, known, numbers


def _plain(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def unit_slips(sheet: Sheet, chance: random.Random, count: int) -> dict[int, str]:
    """One of unit price, weight and quantity is 100 times what it was."""
    notes: dict[int, str] = {}
    for name in ("unit price", "weight", "quantity"):
        rows = [entry for entry in _with_numbers(sheet, name) if entry[0] not in notes]
        for row, (place,), (value,) in chance.sample(rows, min(len(rows), count // 3 + 1)):
            sheet.rows[row][place] = _plain(100 * value)
            notes[row] = f"{sheet.header[place]} {_plain(value)} became {sheet.rows[row][place]}"
    sheet.planted = set(notes)
    return notes


def date_orders(sheet: Sheet, chance: random.Random, count: int) -> dict[int, str]:
    """Delivered 5 to 120 days before it was ordered."""
    ordered, delivered = sheet.place("ordered"), sheet.place("delivered")
    if ordered is None or delivered is None:
        return {}
    moments = {
        row: parse_date(cells[ordered]) for row, cells in enumerate(sheet.rows) if len(cells) > max(ordered, delivered)
    }
    rows = [
        row
        for row, moment in moments.items()
        if moment is not None and parse_date(sheet.rows[row][delivered]) is not None
    ]
    notes = {}
    for row in chance.sample(rows, min(len(rows), count)):
        day = datetime(1970, 1, 1) + timedelta(seconds=moments[row] or 0) - timedelta(days=chance.randint(5, 120))
        old, sheet.rows[row][delivered] = sheet.rows[row][delivered], f"{day.day}-{day:%b-%y}"
        notes[row] = f"{sheet.header[delivered]} {old} became {sheet.rows[row][delivered]}"
    sheet.planted = set(notes)
    return notes


def broken_values(sheet: Sheet, chance: random.Random, count: int) -> dict[int, str]:
    """The value is 5 % to 60 % off quantity x price."""
    rows = list(_with_numbers(sheet, "value", "quantity", "price"))
    notes = {}
    for row, (place, *_), (value, *_) in chance.sample(rows, min(len(rows), count)):
        changed = value * (1 + chance.choice((-1, 1)) * chance.uniform(0.05, 0.6))
        sheet.rows[row][place] = f"{changed:.2f}"
        notes[row] = f"{sheet.header[place]} {_plain(value)} became {sheet.rows[row][place]}"
    sheet.planted = set(notes)
    return notes


def bad_quantities(sheet: Sheet, chance: random.Random, count: int) -> dict[int, str]:
    """Half of the quantities are zero, half negative."""
    rows = list(_with_numbers(sheet, "quantity"))
    notes = {}
    for row, (place,), (value,) in chance.sample(rows, min(len(rows), count)):
        sheet.rows[row][place] = chance.choice(("0", _plain(-value)))
        notes[row] = f"{sheet.header[place]} {_plain(value)} became {sheet.rows[row][place]}"
    sheet.planted = set(notes)
    return notes


def copies(sheet: Sheet, chance: random.Random, count: int) -> dict[int, str]:
    """Rows once more, with an id of their own in the first column: half at the end, half after the original."""
    numbers = [int(row[0]) for row in sheet.rows if row and row[0].isdigit()]
    following = max(numbers, default=len(sheet.rows)) + 1
    paired = list(zip(sheet.rows, sheet.origin, strict=True))
    for position, row in enumerate(sorted(chance.sample(range(len(paired)), count), reverse=True)):
        copy = [str(following + position), *sheet.rows[row][1:]]
        paired.insert(len(paired) if position % 2 else chance.randint(row + 1, len(paired)), (copy, None))
    sheet.rows = [row for row, _ in paired]
    sheet.origin = [origin for _, origin in paired]
    sheet.planted = {row for row, origin in enumerate(sheet.origin) if origin is None}
    return {}


KINDS: dict[str, Plant] = {
    "unit slips": unit_slips,
    "date orders": date_orders,
    "broken values": broken_values,
    "duplicates": copies,
    "bad quantities": bad_quantities,
}


def _sensors(data: Path) -> tuple[list[Score], list[str]]:
    folder = data / "sensors"
    labels = folder / "anomaly_windows.json"
    if not labels.is_file():
        folder = Path("examples/data/sensors")
        labels = folder / "anomaly_windows.json"
    recalled, total, false = 0, 0, 0
    scores, misses = [], []
    for name, windows in json.loads(labels.read_text()).items():
        spans = [(_seconds(start), _seconds(end)) for start, end in windows]
        moments = _alarm_moments(folder / name)
        hit = [any(start <= moment <= end for moment in moments) for start, end in spans]
        outside = [moment for moment in moments if not any(start <= moment <= end for start, end in spans)]
        recalled, total, false = recalled + sum(hit), total + len(spans), false + len(outside)
        share = sum(hit) / len(spans) if spans else 1.0 if not outside else 0.0
        scores.append(Score(f"windows {name}", share, None, f"{sum(hit)} of {len(spans)}, {len(outside)} false alarms"))
        misses += [
            f"{name}: window {window[0]} to {window[1]}"
            for window, found in zip(windows, hit, strict=True)
            if not found
        ]
    wanted = floors("anomaly")
    scores.append(
        Score("window recall", recalled / max(1, total), wanted["window recall"], f"{recalled} of {total} windows")
    )
    precise = recalled / max(1, recalled + false)
    detail = f"{recalled} windows found against {false} false alarms"
    scores.append(Score("window precision", precise, wanted["window precision"], detail))
    return scores, misses


def _alarm_moments(path: Path) -> list[float]:
    detection = detect(lambda text, fraction: None, FileSource(path.read_bytes(), path.name, "text/csv"), Limits())
    assert isinstance(detection, Detection)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [_seconds(rows[record["row"]]["timestamp"]) for record in detection.anomalies["records"]]


def _seconds(text: str) -> float:
    moment = parse_date(text)
    assert moment is not None, f"{text!r} is no moment"
    return moment
