"""Text of strangers inside our Markdown: it stays text."""

import re
from collections.abc import Iterator, Sequence

SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>&$-])")
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}


def escaped(text: str, limit: int = 300) -> str:
    """One line without markup: no table cell, link, image or HTML can begin in it."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return SPECIAL.sub(_escape, "".join(character for character in line if character.isprintable()))


def _escape(match: re.Match[str]) -> str:
    character = match[1]
    # Hyphens and brackets inside a sentence are harmless; escaping them would make numbers hard to read.
    if character in "-+()#$!{}":
        return character
    return ENTITIES.get(character, f"\\{character}")


def bullets(title: str, items: Sequence[str]) -> Iterator[str]:
    """The lines of a titled list; none without items."""
    if items:
        yield from ("", f"{title}:", "", *(f"- {escaped(item)}" for item in items))
