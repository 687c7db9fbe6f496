"""The ZIP archive of a workbook, which a few kilobytes can make huge: what is taken out of it is counted on the way."""

import io
import zipfile
from collections import Counter
from typing import Any, NoReturn

from anomaly_agent.limits import Limits
from crossdock.errors import Rejected

ADVICE = "Open it in a spreadsheet program and save it again as .xlsx or as CSV."
TAGS_PER_CELL = 3
"""Of `<c><f/><v/></c>`; what else a sheet or the list of its texts holds is far less."""
MERGED = b"mergeCell "
SMALL_PART = 300_000  # tags of a part that is read as a whole: styles, relations, names


def checked_archive(content: bytes, limits: Limits) -> "MeteredArchive":
    """Raises Rejected for what is no workbook, or one that unpacks to too much."""
    try:
        archive = MeteredArchive(content, limits.workbook_cells)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, IndexError):
        raise Rejected(f"The file is a damaged archive, not an XLSX workbook. {ADVICE}") from None
    entries = archive.infolist()
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
    return archive


class MeteredArchive(zipfile.ZipFile):
    """Raises Rejected while more than `cells` cells, or the XML of as many, are read out of it."""

    def __init__(self, content: bytes, cells: int) -> None:
        super().__init__(io.BytesIO(content))
        self._limit = cells
        self._cells: Counter[str] = Counter()
        self._tags: Counter[str] = Counter()
        self.has_formulas = False
        self._ends: dict[str, bytes] = {}
        self.merged: Counter[str] = Counter()
        """Ranges of merged cells by part."""

    def open(self, name: Any, *args: Any, **values: Any) -> Any:
        stream = super().open(name, *args, **values)
        path = name if isinstance(name, str) else name.filename
        # A part that is read twice, as sheets without a stated size are, counts once.
        self._cells[path] = self._tags[path] = self.merged[path] = 0
        self._ends[path] = b""
        return Metered(stream, self, path)

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        content = super().read(name, pwd)
        if content.count(b"<") > 2 * SMALL_PART:
            self._refuse()
        return content

    def count(self, path: str, data: bytes) -> None:
        if b"<!" in data and (b"<!DOCTYPE" in data or b"<!ENTITY" in data):
            raise Rejected(f"The workbook declares a document type, which none needs. {ADVICE}")
        self._cells[path] += data.count(b"<c ") + data.count(b"<c>") + data.count(b"<c/")
        self._tags[path] += data.count(b"<") - data.count(b"</")
        self.merged[path] += (self._ends[path] + data).count(MERGED)
        self._ends[path] = data[1 - len(MERGED) :]
        self.has_formulas = self.has_formulas or b"<f>" in data or b"<f " in data
        if self._cells.total() > self._limit or self._tags.total() > TAGS_PER_CELL * self._limit:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise Rejected(
            f"The workbook has more than {self._limit:,} cells or cell formats, empty ones included. Save the sheet as "
            "CSV, or send fewer rows at a time."
        )


class Metered:
    """A part of the archive as a stream that tells the archive what is read."""

    def __init__(self, stream: Any, archive: MeteredArchive, path: str) -> None:
        self._stream = stream
        self._archive = archive
        self._path = path

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self._archive.count(self._path, data)
        return data

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> "Metered":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
