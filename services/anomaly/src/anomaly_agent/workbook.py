"""XLSX workbooks: the first sheet that holds a table."""

import warnings
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from anomaly_agent.archive import ADVICE, MeteredArchive, checked_archive
from anomaly_agent.layout import Row, Unfit, laid_out
from anomaly_agent.limits import Limits
from anomaly_agent.numerals import LARGEST
from anomaly_agent.table import Table
from crossdock.errors import Rejected

MOST_BLANK = 1_048_576  # rows of a sheet
SAVE = "Open the file in a spreadsheet program, let it calculate, and save it."


def read_workbook(content: bytes, limits: Limits) -> Table:
    """A table from XLSX bytes. Raises Rejected when they are not a workbook, or one that unpacks to too much."""
    archive = checked_archive(content, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that carry no values
            return _first_table(content, archive, limits)
    except Rejected:
        raise
    except Exception:  # noqa: BLE001 - openpyxl raises whatever a broken part of the file leads to
        raise Rejected(f"The XLSX file is damaged. {ADVICE}") from None


def _opened(archive: MeteredArchive, data_only: bool) -> Any:
    """The workbook in `archive`, with the values of its formulas or with the formulas."""
    from openpyxl.reader.excel import ExcelReader

    reader = ExcelReader(archive.fp, read_only=True, data_only=data_only, keep_links=False)
    reader.archive = archive
    reader.read()
    return reader.wb


def _first_table(content: bytes, archive: MeteredArchive, limits: Limits) -> Table:
    book = _opened(archive, data_only=True)
    empty: Counter[int] = Counter()
    unfit: Unfit | None = None  # what is wrong with the first sheet that has values
    for position, sheet in enumerate(book.worksheets):
        cells = _cells(sheet, limits)
        if archive.has_formulas:
            formulas = _opened(checked_archive(content, limits), data_only=False).worksheets[position]
            empty = _uncalculated(cells, _cells(formulas, limits))
        rows, blank = _rows(cells, limits)
        try:
            table = laid_out(rows, "xlsx", limits, tuple(_notes(book, sheet, blank, archive)))
        except Unfit as error:
            if empty:
                unfit = Unfit(f"The cells of sheet {sheet.title[:80]!r} are formulas without stored values. {SAVE}")
            elif rows:
                unfit = unfit or error
        else:
            return table.noted(*_on_formulas(empty, table.names))
    raise unfit or Unfit("The workbook has no sheet with values. Send a sheet with a header line and at least one row.")


def _notes(book: Any, sheet: Any, blank: int, archive: MeteredArchive) -> Iterable[str]:
    yield f"sheet {sheet.title!r}"
    if len(book.worksheets) > 1:
        others = ", ".join(repr(other.title) for other in book.worksheets if other.title != sheet.title)
        yield f"other sheets were not read: {others}"
    if blank:
        yield f"{blank} blank row(s) were left out"
    if merged := archive.merged[sheet._worksheet_path]:  # noqa: SLF001 - openpyxl tells a sheet's part nowhere else
        yield (
            f"{merged:,} range(s) of merged cells: each has its value in its top left cell only, the other cells of it "
            "are read as empty"
        )


def _on_formulas(empty: Counter[int], names: tuple[str, ...]) -> Iterable[str]:
    if empty:
        named = {index: repr(name) for index, name in enumerate(names)}
        columns = ", ".join(
            f"{count:,} in {named.get(index, f'column {index + 1}')}" for index, count in sorted(empty.items())
        )
        yield f"formulas without a stored value, read as missing cells: {columns}. {SAVE}"


def _cells(sheet: Any, limits: Limits) -> list[Row]:
    """The rows of the sheet, blank ones too. Raises Rejected when they are padded to more cells than are read."""
    sheet.reset_dimensions()  # the size that a file states may be wrong
    rows: list[Row] = []
    size = 0
    for values in sheet.iter_rows(values_only=True):
        rows.append(values)
        size += len(values)
        if size > limits.cells or len(rows) > MOST_BLANK:
            raise Rejected(
                f"The sheet {sheet.title[:80]!r} reaches over more than {limits.cells:,} cells or {MOST_BLANK:,} rows, "
                "empty ones included. Copy the table into a new file."
            )
    return rows


def _uncalculated(values: list[Row], formulas: list[Row]) -> Counter[int]:
    """How many cells of each column are formulas whose result the file does not hold."""
    return Counter(
        column
        for row, formula_row in zip(values, formulas, strict=False)
        for column, (value, formula) in enumerate(zip(row, formula_row, strict=False))
        if value is None and formula is not None
    )


def _rows(cells: list[Row], limits: Limits) -> tuple[list[Row], int]:
    """Rows without the empty cells at their end, and how many blank ones lay between them."""
    rows: list[Row] = []
    blank, pending = 0, 0
    for values in cells:
        row = [_cell(value) for value in values]
        while row and row[-1] in (None, ""):
            row.pop()
        if not row:
            pending += 1
            continue
        blank, pending = blank + (pending if rows else 0), 0
        rows.append(row)
        limits.check_shape(len(rows) - 1, len(row))
    return rows, blank


def _cell(value: Any) -> Any:
    """Days and times as ISO text, so that every format gives the same kinds of cells."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
