"""From rows of cells to a table: where the header is, what columns are called, how wide the table is."""

from collections.abc import Iterator, Sequence
from typing import Any

from anomaly_agent.dates import parse_date
from anomaly_agent.limits import Limits
from anomaly_agent.numerals import parse_number
from anomaly_agent.table import Table, plain
from crossdock.errors import Rejected

Row = Sequence[Any]
LONGEST_NAME = 200
PREAMBLE = 20  # lines above the header that a report's title and notes may take


class Unfit(Rejected):
    """No table after all: nothing, a header alone, or words."""


def laid_out(rows: list[Row], form: str, limits: Limits, notes: tuple[str, ...] = ()) -> Table:
    """A table from raw rows, blank ones already left out. Raises Rejected when nothing is left or it is too big."""
    if not rows:
        raise Unfit("The table is empty. Send a table with a header line and at least one row.")
    start = _start(rows)
    if start:
        notes = (*notes, f"{start} line(s) above the header were left out")
        rows = rows[start:]
    if _is_header(rows):
        header, body = [plain(cell) for cell in rows[0]], rows[1:]
    else:
        header, body = [], rows
        notes = (*notes, "the table has no header line; columns are numbered from 1")
    if not body:
        raise Unfit("The table has a header line but no rows. Send at least one row.")
    width = _width(header, body)
    if width == 1 and not header and not any(_is_value(plain(row[0])) for row in body if row):
        raise Unfit("The input is words, not a table. Send rows with several columns, or one number per line.")
    limits.check_shape(len(body), max(width, len(header)))
    names = unique_names(header, width)
    expected = len(header) or width
    widths = {index: len(row) for index, row in enumerate(body) if len(row) != expected}
    notes = (*notes, *_on_shape(form, width, widths, body))
    return Table(names, [_fitted(row, width) for row in body], form, notes, widths)


def _on_shape(form: str, width: int, widths: dict[int, int], body: list[Row]) -> Iterator[str]:
    if form == "csv" and width == 1 and not any(_is_value(plain(row[0])) for row in body[:1000]):
        yield "read as one column of words: the lines have no comma, semicolon, tab or | in common"
    if form != "xlsx" and widths:  # rows of a sheet end at their last filled cell
        yield f"{len(widths):,} line(s) have more or fewer cells than the header or the first line"


def unique_names(header: Sequence[str], width: int) -> tuple[str, ...]:
    """Every column gets a name of its own: `column_3` for an empty one, `weight_2` for a repeated one."""
    names: dict[str, None] = {}
    for index in range(width):
        name = (header[index][:LONGEST_NAME] if index < len(header) else "") or f"column_{index + 1}"
        base, count = name, 1
        while name in names:
            count += 1
            name = f"{base}_{count}"
        names[name] = None
    return tuple(names)


def _start(rows: list[Row]) -> int:
    """How many title lines stand above the header: narrow rows before the first one of the usual width."""
    usual = sorted(_filled(row) for row in rows[: PREAMBLE * 5])[len(rows[: PREAMBLE * 5]) // 2]
    if usual < 2:
        return 0
    for index, row in enumerate(rows[:PREAMBLE]):
        if _filled(row) > usual / 2:
            return index
    return 0


def _filled(row: Row) -> int:
    return sum(1 for cell in row if plain(cell))


def _is_header(rows: list[Row]) -> bool:
    """A header has no values in it: no cell that is a number or a date, as long as other rows have them."""
    first = [plain(cell) for cell in rows[0]]
    if not any(first):
        return False
    values = sum(map(_is_value, first))
    if values == 0:
        return len(rows) > 1 or len(first) > 1
    # Months or years as column titles are fine as long as most titles are words.
    return len(rows) > 1 and values < len(first) / 3 and len(set(first)) == len(first) and not _repeats(first, rows)


def _repeats(first: list[str], rows: list[Row]) -> bool:
    """Whether the columns that hold values below hold values in the first row too."""
    below = [plain(cell) for cell in rows[len(rows) // 2]]
    return any(_is_value(top) and _is_value(cell) for top, cell in zip(first, below, strict=False))


def _is_value(text: str) -> bool:
    return parse_number(text) is not None or parse_date(text) is not None


def _width(header: list[str], body: list[Row]) -> int:
    """The widest row, not counting empty cells at its end."""
    width = len(header)
    for row in body:
        size = len(row)
        while size > width and not plain(row[size - 1]):
            size -= 1
        width = max(width, size)
    return width


def _fitted(row: Row, width: int) -> tuple[Any, ...]:
    if len(row) >= width:
        return tuple(row[:width])
    return (*row, *[None] * (width - len(row)))
