"""Text out of DOCX files, with python-docx. Headings become Markdown headings, and tables Markdown tables."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError  # type: ignore[import-untyped]

from contract_agent.documents import Limits
from crossdock.errors import Rejected

MOST_MEMBERS = 5_000
LARGEST_RATIO = 200
"""Of unpacked to packed size; the XML of real documents stays far below."""


def docx_text(name: str, content: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """The text of the body in reading order. Raises `Rejected` for a file that is damaged or unpacks to too much."""
    damaged = Rejected(f"{name} is damaged or no DOCX file. Open it in a word processor and save it again as DOCX.")
    try:
        _check_archive(name, content, limits)
        body = docx.Document(io.BytesIO(content))
        text = "\n\n".join(_blocks(body, limits))
    except (zipfile.BadZipFile, zlib.error, OpcError, LxmlError, KeyError, ValueError, AttributeError) as error:
        raise damaged from error
    except (NotImplementedError, RuntimeError, OSError, EOFError) as error:
        # zipfile: an encrypted member, an unknown compression, a directory that lies.
        raise damaged from error
    return text, ()


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


def _blocks(body: object, limits: Limits) -> Iterator[str]:
    length = 0
    for item in body.iter_inner_content():  # type: ignore[attr-defined]  # python-docx ships no types
        block = _paragraph(item) if isinstance(item, Paragraph) else _table(item)
        length += len(block)
        if length > limits.characters:
            raise Rejected(f"The document has more than {limits.characters:,} characters: split it.")
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


def _table(table: Table) -> str:
    rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in table.rows]
    if not rows:
        return ""
    rule = ["---"] * len(rows[0])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (rows[0], rule, *rows[1:]))
