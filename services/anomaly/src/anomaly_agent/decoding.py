"""Bytes to text, for files that do not say what they are written in."""

import codecs

from crossdock.errors import Rejected

BINARY = {
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a database",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls) or an encrypted one",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
}
ACCEPTED = "Send CSV, TSV, JSON, JSON lines or XLSX."


def decoded(content: bytes) -> tuple[str, str]:
    """The text and the name of its encoding. Raises Rejected for what is not text."""
    for magic, what in BINARY.items():
        if content.startswith(magic):
            raise Rejected(f"The file is {what}, not a table. {ACCEPTED}")
    encoding = _marked(content) or _wide(content)
    if encoding:
        return _wide_text(content, encoding), encoding
    if content.count(b"\x00"):
        raise Rejected(f"The file holds binary data (NUL bytes), not a table. {ACCEPTED}")
    for encoding in ("utf-8", "cp1252"):
        try:
            return _readable(content.decode(encoding)), encoding
        except UnicodeDecodeError:
            continue
    return _readable(content.decode("latin-1")), "latin-1"


def _marked(content: bytes) -> str:
    """The encoding that a byte order mark names."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return encoding
    return ""


def _wide(content: bytes) -> str:
    """UTF-16 without a mark: Western text has a NUL in every second byte."""
    head = content[:2000]
    half = len(head) // 2
    if half < 4:
        return ""
    if head[1::2].count(0) > 0.7 * half and head[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if head[0::2].count(0) > 0.7 * half and head[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return ""


def _wide_text(content: bytes, encoding: str) -> str:
    try:
        return _readable(content.decode(encoding))
    except UnicodeDecodeError:
        raise Rejected(f"The file announces {encoding} but is not valid {encoding}. Save it as UTF-8.") from None


def _readable(text: str) -> str:
    """Control characters in numbers mean a binary file that happens to decode."""
    if "\x00" in text:
        raise Rejected(f"The file holds NUL characters, so it is not a text table. {ACCEPTED}")
    head = text[:4000]
    strange = sum(1 for character in head if ord(character) < 32 and character not in "\t\n\r\x0b\x0c\x1f\x1e")
    if strange > 0.05 * len(head):
        raise Rejected(f"The file holds binary data, not a table. {ACCEPTED}")
    return text
