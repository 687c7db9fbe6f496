"""Documents from files, and a plain reason for each file that is none."""

import io
import time
import zipfile
import zlib
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, EncodedStreamObject, NameObject

from contract_agent.documents import Limits
from contract_agent.reading import DOCX_TYPE, read
from crossdock.errors import Rejected
from crossdock.pipeline import FilePart

LIMITS = Limits()


def docx_bytes(*paragraphs: str) -> bytes:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def blank_pdf(pages: int = 1, password: str = "") -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_the_samples_are_read(samples: Path) -> None:
    texts = {path.name: read(FilePart(path.name, "", path.read_bytes()), LIMITS).text for path in samples.iterdir()}
    assert "direct\nrepresentation" in texts["customs-brokerage-terms.pdf"]
    assert "| Frozen | -25 °C to -15 °C | 15 minutes |" in texts["cold-chain-annex.docx"]
    assert "## C.3 Excursions" in texts["cold-chain-annex.docx"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_texts_lose_their_marks(encoding: str) -> None:
    document = read(FilePart("a.txt", "", "1. Zölle\r\n2. Fräsen".encode(encoding)), LIMITS)
    assert (document.text, document.warnings) == ("1. Zölle\n2. Fräsen", ())


def test_other_encodings_are_guessed_with_a_warning() -> None:
    document = read(FilePart("a.txt", "", "1. Zölle".encode("cp1252")), LIMITS)
    assert document.text == "1. Zölle"
    assert "Windows-1252" in document.warnings[0]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "no text"),
        ("a.txt", b"   \n", "no text"),
        ("a.txt", bytes(range(32)) * 40, "no text file"),
        ("a.xlsx", b"x", "no format"),
        ("a.docx", b"plain", "is none"),
        ("a.pdf", b"plain", "is none"),
        ("a.pdf", b"%PDF-1.7 nonsense", "damaged"),
        ("a.docx", b"PK\x03\x04 nonsense", "damaged"),
        ("a.pdf", blank_pdf(), "no text layer"),
        ("a.pdf", blank_pdf(password="secret"), "password"),
        ("a.pdf", blank_pdf(pages=4), "4 pages"),
        ("a.pdf", blank_pdf(pages=0), "no pages"),
        ("a.docx", docx_bytes(), "no text"),
        ("a.docx", docx_bytes("word " * 600), "characters"),
        ("a.txt", b"x" * 30_001, "0.03 MB"),
        ("a.txt", b"x y " * 700, "2,800 characters"),
    ],
)
def test_unreadable_files_are_rejected_with_a_reason(name: str, content: bytes, reason: str) -> None:
    limits = Limits(bytes=60_000 if name.endswith("docx") else 30_000, pages=3, characters=2_500)
    with pytest.raises(Rejected, match=reason):
        read(FilePart(name, "", content), limits)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 20_000_000)
    with pytest.raises(Rejected, match="unpacks to 20 MB"):
        read(FilePart("bomb.docx", DOCX_TYPE, buffer.getvalue()), LIMITS)


WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
FEE = "<w:p><w:r><w:t>The fee is EUR 5.</w:t></w:r></w:p>"


def docx_of(body: str) -> bytes:
    """A document whose body is this XML."""
    xml = f'<?xml version="1.0"?><w:document xmlns:w="{WORDS}"><w:body>{body}</w:body></w:document>'
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(docx_bytes("x"))) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry.filename, xml if entry.filename == "word/document.xml" else source.read(entry))
    return buffer.getvalue()


def in_table(cell: str) -> str:
    return f"<w:tbl><w:tblGrid/><w:tr><w:tc>{cell}</w:tc></w:tr></w:tbl>"


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (in_table(f"{in_table(FEE)}<w:p/>"), ""),
        (f"<w:sdt><w:sdtContent>{FEE}</w:sdtContent></w:sdt>", ""),
        ("<w:p><w:r><w:t>The fee is </w:t></w:r><w:ins><w:r><w:t>EUR 5.</w:t></w:r></w:ins></w:p>", "tracked changes"),
        (f"<w:p><w:moveFrom><w:r><w:t>EUR 4</w:t></w:r></w:moveFrom></w:p>{FEE}", "tracked changes"),
        (f"{FEE}<w:p><w:r><w:footnoteReference/></w:r></w:p>", "Footnotes were not read"),
        (f"{FEE}<w:p><w:pPr><w:numPr/></w:pPr></w:p>", "Numbers that the word processor counts"),
    ],
)
def test_text_is_read_wherever_it_stands_or_missed_with_a_warning(body: str, warning: str) -> None:
    document = read(FilePart("a.docx", "", docx_of(body)), LIMITS)
    assert "The fee is EUR 5." in document.text
    assert "EUR 4" not in document.text
    assert warning in " ".join(document.warnings)
    assert bool(warning) == bool(document.warnings)


def test_a_table_that_says_to_be_endlessly_wide_is_rejected() -> None:
    span = '<w:tcPr><w:gridSpan w:val="100000000"/></w:tcPr>'
    with pytest.raises(Rejected, match="more than 200 columns"):
        read(FilePart("a.docx", "", docx_of(in_table(span + FEE))), LIMITS)


def test_a_word_file_that_is_old_or_locked_is_told_from_a_damaged_one() -> None:
    with pytest.raises(Rejected, match=r"old Word file .* or has a password"):
        read(FilePart("a.docx", DOCX_TYPE, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), LIMITS)


def test_a_long_merged_column_is_read_at_once() -> None:
    first = f"<w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr>{FEE}</w:tc></w:tr>"
    more = "<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc></w:tr>" * 3_000
    body = f"<w:tbl><w:tblGrid/>{first}{more}</w:tbl>"
    started = time.monotonic()
    document = read(FilePart("a.docx", "", docx_of(body)), LIMITS)
    assert time.monotonic() - started < 10
    assert document.text.count("| The fee is EUR 5. |") == 3_001


def test_a_document_of_endless_empty_paragraphs_is_rejected() -> None:
    with pytest.raises(Rejected, match="more than 50,000 paragraphs"):
        read(FilePart("a.docx", "", docx_of("<w:p>a</w:p>" + "<w:p/>" * 60_000 + FEE)), LIMITS)


def test_a_page_that_unpacks_to_too_much_is_not_called_damaged() -> None:
    packed = zlib.compress(b" " * 200_000_000, 9)
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    stream = EncodedStreamObject()
    stream._data = packed
    stream.update({NameObject("/Filter"): NameObject("/FlateDecode")})
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    writer.pages[0][NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject()})
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(Rejected, match="unpacks to more than is read"):
        read(FilePart("a.pdf", "", buffer.getvalue()), LIMITS)


def test_another_archive_is_no_docx() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(Rejected, match="no DOCX"):
        read(FilePart("a.zip", "application/zip", buffer.getvalue()), LIMITS)


def test_pages_without_text_are_named(samples: Path) -> None:
    writer = PdfWriter()
    writer.append(PdfReader(samples / "customs-brokerage-terms.pdf"))
    writer.add_blank_page(200, 200)
    buffer = io.BytesIO()
    writer.write(buffer)
    document = read(FilePart("a.pdf", "", buffer.getvalue()), LIMITS)
    assert document.warnings == ("Nothing could be read on page 2: probably pictures.",)


def test_names_lose_their_folders() -> None:
    assert read(FilePart("../../etc/terms\n.md", "", b"1. Scope"), LIMITS).name == "terms.md"


@given(
    st.binary(max_size=300),
    st.sampled_from(["a.txt", "a.pdf", "a.docx", "a"]),
    st.sampled_from([b"", b"%PDF-1.4\n", b"PK\x03\x04"]),
)
def test_any_bytes_are_read_or_rejected(content: bytes, name: str, start: bytes) -> None:
    try:
        document = read(FilePart(name, "", start + content), LIMITS)
    except Rejected:
        return
    assert document.text.strip()


@given(st.data())
def test_damaged_samples_are_read_or_rejected(samples: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(path for path in samples.iterdir() if path.suffix in (".pdf", ".docx"))))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(content) // 2, len(content)))
    try:
        read(FilePart(path.name, "", bytes(content[:cut])), LIMITS)
    except Rejected:
        return
