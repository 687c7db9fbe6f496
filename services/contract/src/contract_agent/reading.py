"""Documents from files: Markdown, plain text, PDF and DOCX."""

import re
from collections.abc import Callable

from contract_agent.documents import Document, Limits
from crossdock.errors import Rejected
from crossdock.pipeline import FilePart, Report

TEXT_SUFFIXES = ("md", "markdown", "txt", "text")
TEXT_TYPES = ("text/markdown", "text/plain", "text/x-markdown")
PDF_TYPE = "application/pdf"
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SUPPORTED = "Send Markdown, plain text, PDF or DOCX."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins files of Word before 2007, and Office files of any age that are encrypted."""
LONGEST_NAME = 150


def read(file: FilePart, limits: Limits) -> Document:
    """The text of `file`.

    Raises `Rejected` for a file that is too large, empty, damaged, protected by a password or of another format.
    """
    name = clean_name(file.name)
    if len(file.content) > limits.bytes:
        allowed = limits.bytes / 1e6
        raise Rejected(f"{name} has {len(file.content) / 1e6:.1f} MB; send at most {allowed:g} MB per file.")
    text, warnings = _reader(name, file.media_type, file.content)(name, file.content, limits)
    return from_text(name, text, limits, warnings)


def read_in_child(report: Report, file: FilePart, limits: Limits) -> Document:
    """`read` as a function for `Run.compute`."""
    report(f"Reading {clean_name(file.name)}", None)
    return read(file, limits)


def from_text(name: str, text: str, limits: Limits, warnings: tuple[str, ...] = ()) -> Document:
    """A document from text that needs no decoding. Raises `Rejected` if it is empty or too long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").lstrip("\ufeff")
    if not re.search(r"\w", text):
        raise Rejected(f"{name} holds no text. {SUPPORTED} A scan must go through text recognition (OCR) first.")
    if len(text) > limits.characters:
        raise Rejected(f"{name} has {len(text):,} characters; send at most {limits.characters:,}, or split it.")
    return Document(clean_name(name), text, warnings)


def clean_name(name: str) -> str:
    """The last part of a path, printable and of bounded length."""
    last = re.split(r"[/\\]", name.strip())[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()
    return printable[-LONGEST_NAME:] or "contract.txt"


Reader = Callable[[str, bytes, Limits], tuple[str, tuple[str, ...]]]


def _reader(name: str, media_type: str, content: bytes) -> Reader:
    """Chosen by the first bytes, then the name, then the media type: senders get the last two wrong."""
    suffix = name.rpartition(".")[2].lower()
    kind = media_type.partition(";")[0].strip().lower()
    if b"%PDF-" in content[:1024]:
        return _pdf
    if content[:4] == b"PK\x03\x04":
        return _docx
    if content.startswith(OLE):
        raise Rejected(f"{name} is an old Word file (.doc), or has a password. Save it as DOCX without one.")
    if suffix == "pdf" or kind == PDF_TYPE:
        raise Rejected(f"{name} is called a PDF but is none. Export it again. {SUPPORTED}")
    if suffix == "docx" or kind == DOCX_TYPE:
        raise Rejected(f"{name} is called a DOCX file but is none. Save it again as DOCX. {SUPPORTED}")
    if suffix in TEXT_SUFFIXES or kind in TEXT_TYPES:
        return _text
    raise Rejected(f"{name} ({kind or 'no media type'}) is no format that can be read here. {SUPPORTED}")


def _text(name: str, content: bytes, _limits: Limits) -> tuple[str, tuple[str, ...]]:
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    else:
        text, encoding = content.decode("cp1252", errors="replace"), "cp1252"
    if text.count("\0") or sum(letter < " " and letter not in "\t\n\r\f\v" for letter in text) > len(text) / 50:
        raise Rejected(f"{name} is no text file although its name says so. {SUPPORTED}")
    guessed = encoding == "cp1252"
    return text, ("The text is not UTF-8 and was read as Windows-1252: check accented letters.",) if guessed else ()


def _encodings(content: bytes) -> tuple[str, ...]:
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return ("utf-16",) if marked else ("utf-8-sig",)


def _pdf(name: str, content: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    from contract_agent.pdf import pdf_text

    return pdf_text(name, content, limits)


def _docx(name: str, content: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    from contract_agent.word import docx_text

    return docx_text(name, content, limits)
