"""CSV and its relatives: the delimiter is found by looking."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from anomaly_agent.layout import Row, laid_out
from anomaly_agent.limits import Limits
from anomaly_agent.table import Table
from crossdock.errors import Rejected

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 200  # lines that are looked at to find the delimiter
LONGEST_CELL = 131_072


def read_delimited(text: str, limits: Limits, delimiter: str = "") -> Table:
    """A table from CSV, TSV or the like. Raises Rejected for what cannot be one."""
    delimiter = delimiter or sniffed(text)
    rows: list[Row] = []
    blank = 0
    for row in _parsed(text, delimiter):
        if not any(cell.strip() for cell in row):
            blank += 1
            continue
        rows.append(row)
        if len(rows) > limits.rows + 30:
            limits.check_shape(len(rows), len(row))
    notes = (f"{blank} blank line(s) were left out",) if blank else ()
    return laid_out(rows, "csv", limits, notes)


def sniffed(text: str) -> str:
    """The delimiter under which most lines have the same number of cells, more than one; else a comma."""
    sample = _sample(text)
    ranked = [(_agreement(sample, delimiter), -position) for position, delimiter in enumerate(DELIMITERS)]
    best, position = max(ranked)
    return DELIMITERS[-position] if best > 0 else ","


def _sample(text: str) -> str:
    lines = text[: SAMPLE * 2000].splitlines(keepends=True)[:SAMPLE]
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]
    return "".join(lines)


def _agreement(sample: str, delimiter: str) -> float:
    """Share of lines that have the most common number of cells, a little more for wider tables."""
    try:
        widths = Counter(len(row) for row in _parsed(sample, delimiter) if any(cell.strip() for cell in row))
    except Rejected:
        return 0.0
    wide = [(count, width) for width, count in widths.items() if width > 1]
    if not wide:
        return 0.0
    count, width = max(wide)
    return count / widths.total() + min(width, 50) / 1000


def _parsed(text: str, delimiter: str) -> Iterator[list[str]]:
    if text[:4].lower() == "sep=":
        text = text.partition("\n")[2]
    # Lone carriage returns would be an error of the csv module; old Macintosh files end their lines with them.
    stream = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="")
    try:
        yield from csv.reader(stream, delimiter=delimiter, skipinitialspace=delimiter != "\t")
    except csv.Error:
        raise Rejected(
            f"A cell is longer than {LONGEST_CELL:,} characters, probably because a quotation mark is never closed. "
            "Close it, or save the file again as CSV."
        ) from None
