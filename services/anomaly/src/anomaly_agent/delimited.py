"""CSV and its relatives: the delimiter is found by looking."""

import csv
import io
from collections import Counter, deque
from collections.abc import Iterable, Iterator

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
    for row in _rows(text, delimiter):
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
        rows = _reader(_lines(sample), delimiter)
        widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    except csv.Error:
        return 0.0
    wide = [(count, width) for width, count in widths.items() if width > 1]
    if not wide:
        return 0.0
    count, width = max(wide)
    return count / widths.total() + min(width, 50) / 1000


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Raises Rejected where a quotation mark that is never closed swallows the lines below it."""
    taken: list[str] = []
    begin = 2 if _names_delimiter(text) else 1
    try:
        for row in _reader(_kept(_lines(text), taken), delimiter):
            _check_quotes(taken, delimiter)
            yield row
            begin += len(taken)
            taken.clear()
    except csv.Error:
        raise Rejected(
            f"The quotation mark that opens a cell in line {begin} of the table is never closed, or the cell is longer "
            f"than {LONGEST_CELL:,} characters. Close it, double the quotation marks inside the cell, or save the file "
            "again as CSV."
        ) from None


def _check_quotes(lines: list[str], delimiter: str) -> None:
    """Raises csv.Error for a cell over several lines that does not end at a delimiter or a line's end."""
    if len(lines) > 1:
        deque(_reader(lines, delimiter, strict=True), maxlen=0)
    elif lines[0].count('"') % 2 and len(list(_reader([*lines, "next"], delimiter))) == 1:
        raise csv.Error("the last line ends inside a cell")


def _reader(lines: Iterable[str], delimiter: str, strict: bool = False) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "	", strict=strict)


def _kept(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _lines(text: str) -> Iterable[str]:
    if _names_delimiter(text):
        text = text.partition("\n")[2]
    # Lone carriage returns would be an error of the csv module; old Macintosh files end their lines with them.
    return io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="")


def _names_delimiter(text: str) -> bool:
    return text[:4].lower() == "sep="
