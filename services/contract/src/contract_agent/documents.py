"""A contract as plain text, and the limits that it is read under."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a customer may send. Sizes are bytes, lengths characters."""

    bytes: int = 10 * MEGABYTE
    unpacked_bytes: int = 60 * MEGABYTE
    """Of a DOCX file, which is a ZIP archive."""
    pages: int = 300
    characters: int = 1_000_000
    clauses: int = 5_000
    files: int = 10
    """In one request."""
    contracts: int = 2_000
    """Stored for one customer."""
    question: int = 2_000


@dataclass(frozen=True, slots=True)
class Document:
    """`text` is what every character range counts in: line breaks are `\\n`, and there are no NUL characters."""

    name: str
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered clause, paragraph or table of a document: `text[start:end]`.

    `number` is printed in full ("2.2 (b)", "Article 5", "§ 7"), `heading` is the nearest one. `context` is what a
    reader has read just before: the headings above and the opening words of the list that the clause is an item of.
    """

    number: str
    heading: str
    start: int
    end: int
    context: str = ""

    @property
    def label(self) -> str:
        """Number and heading as one line."""
        return " ".join(part for part in (self.number, self.heading) if part)
