"""Text out of DOCX files, with python-docx. Headings become Markdown headings, and tables Markdown tables."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError  # type: ignore[import-untyped]

from contract_agent.documents import Limits
from crossdock.errors import Rejected

MOST_MEMBERS = 5_000
LARGEST_RATIO = 200
"""Of unpacked to packed size; the XML of real documents stays far below."""
MOST_COLUMNS, MOST_PARAGRAPHS = 200, 50_000
WRAPPERS = ("w:ins", "w:moveTo", "w:sdt", "w:smartTag")
CHANGED = ("w:ins", "w:del", "w:moveTo", "w:moveFrom")
UNREAD = {
    "w:txbxContent": "Text boxes",
    "w:footnoteReference": "Footnotes",
    "w:numPr": "Numbers that the word processor counts by itself",
}


def docx_text(name: str, content: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """The text of the body in reading order. Raises `Rejected` for a file that is damaged or unpacks to too much."""
    damaged = Rejected(f"{name} is damaged or no DOCX file. Open it in a word processor and save it again as DOCX.")
    try:
        _check_archive(name, content, limits)
        body = docx.Document(io.BytesIO(content))
        warnings = tuple(_warnings(body))
        _unwrap(body)
        _check_size(name, body)
        text = "\n\n".join(_blocks(body, limits))
    except (zipfile.BadZipFile, zlib.error, OpcError, LxmlError, KeyError, ValueError, AttributeError) as error:
        raise damaged from error
    except (NotImplementedError, RuntimeError, OSError, EOFError) as error:
        # zipfile: an encrypted member, an unknown compression, a directory that lies.
        raise damaged from error
    return text, warnings


def _check_archive(name: str, content: bytes, limits: Limits) -> None:
    """Looks at the archive's directory before anything is unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    if not any(member.filename == "word/document.xml" for member in members):
        raise Rejected(f"{name} is a ZIP archive but no DOCX file. Send the documents in it one by one.")
    unpacked = sum(member.file_size for member in members)
    ratio = unpacked / max(1, len(content))
    if len(members) > MOST_MEMBERS or unpacked > limits.unpacked_bytes or ratio > LARGEST_RATIO:
        raise Rejected(f"{name} unpacks to {unpacked / 1e6:.0f} MB, which is too much. Remove pictures or send text.")


def _warnings(body: Document) -> Iterator[str]:
    if _has(body, *CHANGED):
        yield "The document has tracked changes: it was read as if all were accepted."
    for tag, what in UNREAD.items():
        if _has(body, tag):
            yield f"{what} were not read."


def _has(body: Document, *tags: str) -> bool:
    return next(body.element.iter(*map(qn, tags)), None) is not None


def _unwrap(body: Document) -> None:
    """Takes away what stands between paragraphs or runs and their text, and the text that was deleted or moved."""
    for gone in list(body.element.iter(qn("w:del"), qn("w:moveFrom"))):
        gone.getparent().remove(gone)
    for wrapper in list(body.element.iter(*map(qn, WRAPPERS))):
        inside = wrapper.find(qn("w:sdtContent")) if wrapper.tag == qn("w:sdt") else wrapper
        for child in list(inside if inside is not None else ()):
            wrapper.addprevious(child)
        wrapper.getparent().remove(wrapper)


def _check_size(name: str, body: Document) -> None:
    if sum(1 for _ in body.element.iter(qn("w:p"))) > MOST_PARAGRAPHS:
        raise Rejected(f"{name} has more than {MOST_PARAGRAPHS:,} paragraphs, empty ones included: split it.")
    if any(int(span.get(qn("w:val"), 1)) > MOST_COLUMNS for span in body.element.iter(qn("w:gridSpan"))):
        raise Rejected(f"{name} has a table with more than {MOST_COLUMNS} columns. Send it as text.")


def _blocks(body: Document, limits: Limits) -> Iterator[str]:
    length = 0
    for item in body.iter_inner_content():
        lines = []
        for line in (_paragraph(item),) if isinstance(item, Paragraph) else _rows(item):
            lines.append(line)
            length += len(line)
            if length > limits.characters:
                raise Rejected(f"The document has more than {limits.characters:,} characters: split it.")
        block = "\n".join(lines)
        if block.strip():
            yield block


def _paragraph(paragraph: Paragraph) -> str:
    text = paragraph.text.strip()
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    level = re.fullmatch(r"Heading (\d)", style)
    if level and text:
        return "#" * min(6, int(level.group(1)) + 1) + " " + text
    if style == "Title" and text:
        return f"# {text}"
    return text


def _rows(table: Table) -> Iterator[str]:
    for number, cells in enumerate(_grid(table)):
        yield f"| {' | '.join(cells)} |"
        if not number:
            yield f"| {' | '.join(['---'] * len(cells))} |"


def _grid(table: Table) -> Iterator[list[str]]:
    """The cells of each row, a merged one in every place that it takes.

    python-docx searches all rows above for each cell that goes on from one above, which takes minutes in long tables.
    """
    above: list[str] = []
    for row in table.rows:
        cells: list[str] = []
        for tc in row._tr.tc_lst:  # noqa: SLF001
            goes_on = tc.vMerge == "continue" and len(cells) < len(above)
            text = above[len(cells)] if goes_on else " ".join(_cell(_Cell(tc, table)).split())
            cells += [text] * tc.grid_span
        yield cells
        above = cells


def _cell(cell: _Cell) -> str:
    """Its paragraphs, and the cells of tables in it, in reading order."""
    inner = (
        [item.text] if isinstance(item, Paragraph) else (text for cells in _grid(item) for text in cells)
        for item in cell.iter_inner_content()
    )
    return "\n".join(text for texts in inner for text in texts)
