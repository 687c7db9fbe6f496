"""Documents from files, and a plain reason for each file that is none."""

import io
import zipfile
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

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
