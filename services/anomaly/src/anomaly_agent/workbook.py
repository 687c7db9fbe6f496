"""XLSX workbooks: the first sheet that holds a table."""

import io
import warnings
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

from anomaly_agent.layout import Row, laid_out
from anomaly_agent.limits import Limits
from anomaly_agent.table import Table
from crossdock.errors import Rejected

ADVICE = "Open it in a spreadsheet program and save it again as .xlsx or as CSV."


def read_workbook(content: bytes, limits: Limits) -> Table:
    """A table from XLSX bytes. Raises Rejected when they are not a workbook, or one that unpacks to too much."""
    _check_archive(content, limits)
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that carry no values
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            return _first_table(book, limits)
    except Rejected:
        raise
    except Exception:  # noqa: BLE001 - openpyxl raises whatever a broken part of the file leads to
        raise Rejected(f"The XLSX file is damaged. {ADVICE}") from None


def _check_archive(content: bytes, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, IndexError):
        raise Rejected(f"The file is a damaged archive, not an XLSX workbook. {ADVICE}") from None
    if not any(entry.filename.startswith("xl/") for entry in entries):
        raise Rejected("The file is a ZIP archive, not an XLSX workbook. Send the table in it as a file of its own.")
    if any(entry.filename == "xl/workbook.bin" for entry in entries):
        raise Rejected("The file is a binary workbook (.xlsb). Save it as .xlsx or CSV.")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked:
        raise Rejected(
            f"The workbook unpacks to {unpacked:,} bytes; at most {limits.unpacked:,} are read. Send fewer rows at a "
            f"time."
        )


def _first_table(book: Any, limits: Limits) -> Table:
    for sheet in book.worksheets:
        rows, blank = _rows(sheet, limits)
        if not rows:
            continue
        notes = [f"sheet {sheet.title!r}"]
        if len(book.worksheets) > 1:
            others = ", ".join(repr(other.title) for other in book.worksheets if other.title != sheet.title)
            notes.append(f"other sheets were not read: {others}")
        if blank:
            notes.append(f"{blank} blank row(s) were left out")
        return laid_out(rows, "xlsx", limits, tuple(notes))
    raise Rejected("The workbook has no sheet with values. Send a sheet with a header line and at least one row.")


def _rows(sheet: Any, limits: Limits) -> tuple[list[Row], int]:
    """Rows without the empty cells at their end, and how many blank ones lay between them."""
    sheet.reset_dimensions()  # the size that a file states may be wrong
    rows: list[Row] = []
    blank, pending = 0, 0
    for values in sheet.iter_rows(values_only=True):
        row = [_cell(value) for value in values]
        while row and row[-1] in (None, ""):
            row.pop()
        if not row:
            pending += 1
            limits.check_shape(pending, 1)
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
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
