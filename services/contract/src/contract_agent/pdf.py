"""Text out of PDF files, with pypdf. Runs in a child process: a hostile file may take any time or memory."""

import io
import logging
import re
import unicodedata
from collections import Counter

from pypdf import PdfReader
from pypdf.errors import LimitReachedError, PyPdfError

from contract_agent.documents import Limits
from crossdock.errors import Public, Rejected

FEW_LETTERS = 20
"""A page with fewer letters than this is taken for a scan or a picture."""
RUNNING_PAGES = 3
"""A line at the edge of at least so many pages, and of most of them, is a running title."""


def pdf_text(name: str, content: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """The text of all pages and warnings. Raises `Rejected` for a file that is damaged, protected or scanned."""
    # pypdf reports each oddity of a file as a warning of its own.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        pages = _pages(name, content, limits)
    except Public:
        raise
    except LimitReachedError as error:
        raise Rejected(f"{name} unpacks to more than is read. Print it to PDF again, or send its text.") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError) as error:
        # pypdf lets the plain errors through for files that are broken in ways it does not look for.
        raise Rejected(f"{name} is damaged and cannot be read as PDF. Export or print it to PDF again.") from error
    blank = [number for number, page in enumerate(pages, 1) if sum(map(str.isalpha, page)) < FEW_LETTERS]
    if len(blank) == len(pages):
        raise Rejected(f"{name} has no text layer (a scan?). Run text recognition (OCR) on it and send it again.")
    warning = f"Nothing could be read on {_list(blank)}: probably pictures." if blank else ""
    return "\n\n".join(_without_running_titles(pages)), (warning,) if warning else ()


def _pages(name: str, content: bytes, limits: Limits) -> list[str]:
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Rejected(f"{name} is protected by a password. Send it without one.")
    count = len(reader.pages)
    if not count:
        raise Rejected(f"{name} has no pages. Export or print it to PDF again.")
    if count > limits.pages:
        raise Rejected(f"{name} has {count} pages; send at most {limits.pages}, or split it.")
    texts, length = [], 0
    for page in reader.pages:
        texts.append(_tidy(page.extract_text()))
        length += len(texts[-1])
        if length > limits.characters:
            raise Rejected(f"{name} has more than {limits.characters:,} characters: split it.")
    return texts


def _tidy(text: str) -> str:
    """Ligatures and full-width signs become letters, and words split at line ends become whole."""
    text = unicodedata.normalize("NFKC", text.replace("\u00ad", ""))
    return re.sub(r"(?<=[a-zà-ÿ])-\n(?=[a-zà-ÿ])", "", text)


def _without_running_titles(pages: list[str]) -> list[str]:
    edges = Counter(edge for page in pages for edge in {_masked(line) for line in _edge_lines(page)})
    running = {edge for edge, count in edges.items() if count >= max(RUNNING_PAGES, len(pages) / 2)}
    if not running:
        return pages
    return [
        "\n".join(line for line in page.split("\n") if not (_masked(line) in running and line in _edge_lines(page)))
        for page in pages
    ]


def _edge_lines(page: str) -> list[str]:
    lines = [line for line in page.split("\n") if line.strip()]
    return [*lines[:1], *lines[-1:]] if len(lines) > 2 else []


def _masked(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())


def _list(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10])) + (" and others" if len(numbers) > 10 else "")
    return f"page{'s' if len(numbers) > 1 else ''} {shown}"
