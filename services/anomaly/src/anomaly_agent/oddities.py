"""Words in number columns, misspelt categories, missing cells and torn lines, where nearly no other row has any."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from anomaly_agent.findings import Finding
from anomaly_agent.profile import Column, impossible_date, is_missing, pattern
from anomaly_agent.table import Table

FEWEST = 30
RARE_WORDS = 0.01
RARE_MISSING = 0.003
FREQUENT = 40


def oddities(table: Table, columns: list[Column]) -> Iterator[Finding]:
    """Findings of kind `not a number`, `misspelt`, `missing` and `torn line`."""
    yield from _torn(table)
    if len(table) < FEWEST:
        return
    for column in columns:
        if column.kind in ("number", "date"):
            yield from _words(column)
        if column.kind == "category":
            yield from _misspelt(column)
        yield from _missing(column)


def _words(column: Column) -> Iterator[Finding]:
    """Words that hardly occur in a column of numbers or days; frequent remarks are the way this table is kept."""
    odd = [
        row
        for row in np.flatnonzero(~column.known).tolist()
        if not is_missing(column.texts[row]) and not impossible_date(column.texts[row])
    ]
    remarks = Counter(pattern(column.texts[row]) for row in odd)
    rare = len(odd) <= max(2, RARE_WORDS * column.filled)
    for row in odd:
        garbled = column.texts[row][:1].isdigit()  # 12O.5 is a number gone wrong, also beside frequent remarks
        if not (rare or garbled) or remarks[pattern(column.texts[row])] > max(2, RARE_WORDS / 5 * column.filled):
            continue
        what = "number" if column.kind == "number" else "date"
        reason = f"{column.name} is {column.texts[row][:60]!r}, which is no {what}"
        yield Finding(row, f"not a {what}", (column.name,), reason, 0.8)


def _misspelt(column: Column) -> Iterator[Finding]:
    """A value that occurs once or twice and is one letter off a frequent one."""
    frequent = [text for text, count in column.counts.items() if count >= FREQUENT and len(text) >= 4]
    rare = {text for text, count in column.counts.items() if count <= 2 and len(text) >= 4 and not is_missing(text)}
    meant = {text: match for text in rare if (match := _meant(text, frequent))}
    for row, text in enumerate(column.texts):
        if text in meant:
            reason = f"{column.name} is {text!r}; {column.counts[meant[text]]} rows have {meant[text]!r}"
            yield Finding(row, "misspelt", (column.name,), reason, 0.6)


def _meant(text: str, frequent: list[str]) -> str:
    return next((known for known in frequent if _one_letter_off(text, known)), "")


def _one_letter_off(text: str, known: str) -> bool:
    """One letter added, lost, changed or two swapped; digits that differ mean another thing, not a slip."""
    if abs(len(text) - len(known)) > 1 or pattern(text) == pattern(known) or text.casefold() == known.casefold():
        return False
    start = next(
        (place for place, (a, b) in enumerate(zip(text, known, strict=False)) if a != b), min(len(text), len(known))
    )
    for rest, other in ((1, 1), (1, 0), (0, 1)):
        if text[start + rest :] == known[start + other :]:
            changed = text[start : start + rest] + known[start : start + other]
            return changed.isalpha()
    swapped = text[start : start + 2] == known[start : start + 2][::-1] and text[start + 2 :] == known[start + 2 :]
    return swapped and text[start : start + 2].isalpha()


def _missing(column: Column) -> Iterator[Finding]:
    if not 0 < column.missing <= max(1, RARE_MISSING * len(column.texts)):
        return
    for row, text in enumerate(column.texts):
        if is_missing(text):
            share = 100 * column.filled / len(column.texts)
            yield Finding(
                row, "missing", (column.name,), f"{column.name} is missing; {share:.4g} % of the rows have it", 0.55
            )


def _torn(table: Table) -> Iterator[Finding]:
    """Lines with more or fewer cells than the header, as long as they are the exception."""
    if table.format not in ("csv", "text") or len(table.widths) > max(1, 0.05 * len(table)):
        return
    for row, width in table.widths.items():
        reason = f"the line has {width} cells, other than the header: a delimiter is missing or not quoted"
        yield Finding(row, "torn line", (), reason, 0.7)
