"""What the beginning of a line says about the structure of a contract: numbers, letters, headings."""

import re
from dataclasses import dataclass

LONGEST_HEADING = 90
MOST_HEADING_WORDS = 10
FEW_WORDS = 6

# Rank 0 is the outermost. Markdown headings stand above all, by their level.
ANNEX_RANK = 0.7
SECTION_RANK = 1.0
TITLE_RANK = 1.5
DECIMAL_RANK = 2.0
PARAGRAPH_RANK = 7.0
LETTER_RANK = 8.0
ROMAN_RANK = 9.0

ANNEXES = "annex|appendix|schedule|exhibit|attachment|annexe|anlage|anhang|anexo|apéndice"
SECTIONS = "article|section|clause|paragraph|part|chapter|artikel|abschnitt|ziffer|artículo|cláusula|chapitre|título"

MARKDOWN = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(?=\S)")
EMPHASIS = re.compile(r"[ \t]*(?:\*\*|__)?")
KEYWORD = re.compile(
    rf"(?P<word>{ANNEXES}|{SECTIONS})[ \t]+(?P<number>\d+(?:\.\d+)*|[IVXLC]+|[A-Z])\b(?P<end>[.:)]?[ \t]*[–—-]?[ \t]*)",
    re.IGNORECASE,
)
PARAGRAPH_SIGN = re.compile(r"(?P<number>§§?[ \t]*\d+[a-z]?(?:\.\d+)*)(?P<end>[.:)]?[ \t]*)")
DECIMAL = re.compile(r"(?P<number>(?:[A-Z]\.)?\d{1,3}(?:\.\d{1,3}){0,5})(?P<end>[.)]?[ \t]+|[.)]$)")
UPPER_ROMAN = re.compile(r"(?P<number>[IVXL]+)(?P<end>\.[ \t]+)(?=[A-ZÀ-Ý])")
LETTER = re.compile(r"(?P<number>\(?[a-z]{1,2}\))(?P<end>[ \t]+|$)")
ROMAN = re.compile(r"(?P<number>\(?[ivx]{1,5}\))(?P<end>[ \t]+|$)")
CAPITAL = re.compile(r"(?P<number>[A-Z]\.)(?P<end>[ \t]+)(?=[A-ZÀ-Ý])")
DOTTED_ROMAN = re.compile(r"(?P<number>[ivx]{1,5}\.)(?P<end>[ \t]+)(?=\S)")
BRACKETED = re.compile(r"(?P<number>\(\d{1,2}\)|\d{1,2}\))(?P<end>[ \t]+|$)")
SENTENCE = re.compile(
    r"\b(?:shall|may|must|will|is|are|was|were|has|have|can|should|agrees?|pays?)\b"
    r"|\b(?:if|for|by|to|of|on|with|that|from|where|when|unless|and|or|the|following)$"
)
RUN_IN = re.compile(r"(?:\*\*|__)?(?P<heading>[A-ZÀ-Ý“\"][^.;:|\n*]{2,70})[.:](?:\*\*|__)?[ \t]+(?=\S)")


@dataclass(frozen=True, slots=True)
class Marker:
    """`number` as printed, "" for a bare heading. `end`: where the line goes on behind the marker."""

    rank: float
    number: str
    end: int


def numeral(number: str) -> tuple[int, ...]:
    """`C.2.1` and `2.1` become (2, 1); empty for other numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", number))


def keyword(line: str, start: int) -> Marker | None:
    """`Article 5`, `Annex B. Acceptance`, `§ 7`; None for a sentence that begins with such words."""
    match = KEYWORD.match(line, start)
    if match:
        rest = line[match.end() :]
        if (
            rest[:1].islower()
            or rest.startswith((",", ";", ")"))
            or (not match["end"].strip() and len(rest) > LONGEST_HEADING)
        ):
            return None
        annex = re.fullmatch(ANNEXES, match["word"], re.IGNORECASE)
        return Marker(ANNEX_RANK if annex else SECTION_RANK, line[start : match.end("number")], match.end())
    match = PARAGRAPH_SIGN.match(line, start)
    if match and not line[match.end() : match.end() + 1].islower():
        return Marker(SECTION_RANK + 0.1 * match["number"].count("."), match["number"], match.end())
    return None


def decimal(line: str, start: int, last: tuple[int, ...], fresh: bool) -> Marker | None:
    """`2.3`, `2.3.`, `5<tab>`, `C.2.1`.

    A single number is the deeper the further its line is indented, as in nested Markdown lists.
    A line of running text may begin with a number too. So one that does not fit behind the decimal number before it,
    `last`, counts only where a new sentence begins (`fresh`), and a bare one must fit.
    """
    match = DECIMAL.match(line, start)
    if not match:
        return None
    parts, rest = numeral(match["number"]), line[match.end() :]
    marked = match["end"].strip() or "\t" in match["end"] or match["number"][0].isalpha() or len(parts) > 2
    if not marked and (not rest or (len(parts) == 1 and not rest[:1].isupper())):
        return None
    if not follows(parts, last) and not (marked and fresh and rest and not rest[:1].islower()):
        return None
    depth = len(parts) - 1 + (0.12 * min(start, 24) if len(parts) == 1 else 0)
    return Marker(DECIMAL_RANK + min(depth, 4.9), match["number"], match.end())


def follows(parts: tuple[int, ...], last: tuple[int, ...]) -> bool:
    """Whether `parts` can be the number after `last`: a next one (a few may be missing), a child, or a new start."""
    if not last or all(part == 1 for part in parts):
        return True
    level = next((i for i, pair in enumerate(zip(parts, last, strict=False)) if pair[0] != pair[1]), len(last))
    if level >= len(parts):
        return False
    before = last[level] if level < len(last) else 0
    return 1 <= parts[level] - before <= 3 and all(part <= 1 for part in parts[level + 1 :])


def listed(line: str, start: int, open_numbers: list[str]) -> Marker | None:
    """`(a)`, `b)`, `(ii)`, `(3)`, `IV.`; `open_numbers` decide whether `(i)` comes after `(h)`."""
    match = BRACKETED.match(line, start)
    if match:
        return Marker(PARAGRAPH_RANK, match["number"], match.end())
    match = ROMAN.match(line, start)
    if match and not (len(match["number"].strip("()")) == 1 and _open_before(match["number"], open_numbers)):
        return Marker(ROMAN_RANK, match["number"], match.end())
    match = LETTER.match(line, start)
    if match and len(set(match["number"].strip("()"))) == 1:
        return Marker(LETTER_RANK, match["number"], match.end())
    for pattern, rank in ((DOTTED_ROMAN, ROMAN_RANK), (UPPER_ROMAN, SECTION_RANK), (CAPITAL, SECTION_RANK + 0.2)):
        match = pattern.match(line, start)
        if match:
            return Marker(rank, match["number"], match.end())
    return None


def _open_before(number: str, open_numbers: list[str]) -> bool:
    before = chr(ord(number.strip("()")) - 1)
    return any(open_number.split(" ")[-1].strip("()") == before for open_number in open_numbers)


def is_title(text: str) -> bool:
    """Whether a line that stands alone reads like a heading: short, and most long words begin with a capital."""
    text = text.strip(" \t*_")
    if not 2 < len(text) <= LONGEST_HEADING or text[-1] in ",;" or "|" in text or not text[0].isupper():
        return False
    words = re.findall(r"[^\W\d_]+", text)
    long_words = [word for word in words if len(word) > 3] or words
    if not words or len(words) > MOST_HEADING_WORDS:
        return False
    capitals = sum(word[0].isupper() for word in long_words)
    if text[-1] in ".!?":
        return capitals == len(long_words) and not re.search(r"\d", text)
    return capitals >= len(long_words) * 0.7 and '"' not in text


def run_in_heading(text: str) -> str:
    """The heading that the text of a numbered clause begins with ("Force majeure. Neither party ..."), or ""."""
    match = RUN_IN.match(text)
    if match and (len(match["heading"].split()) <= FEW_WORDS or is_title(match["heading"])):
        return match["heading"].strip()
    return ""


def is_whole_heading(text: str, following: str) -> bool:
    """Whether all that stands behind a number is a heading; `following` is the next line."""
    text = text.strip(" \t*_")
    if not text or len(text) > LONGEST_HEADING or not text[0].isupper() or text[-1] in ".;,:" or ". " in text:
        return False
    if SENTENCE.search(text):
        return False
    return len(text.split()) <= FEW_WORDS or is_title(text) or not following.strip()
