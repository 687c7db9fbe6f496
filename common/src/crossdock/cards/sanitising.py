"""Text that somebody else wrote, such as an Agent Card's, made fit to be quoted to a language model or a caller.

Cleaning takes away what hides or breaks out of a quotation. It does not judge what the text says: whoever shows it to
a model still quotes it as data and checks the answer.
"""

import re
import unicodedata
from collections.abc import Iterable

FENCES = re.compile(
    r"`{3,}|~{3,}"  # Markdown code fences
    r"|<\|[^<>|]{0,40}\|>"  # chat templates: <|im_start|>, <|eot_id|>
    r"|\[/?(?:INST|SYS)\]|<<?/?SYS>?>"  # Llama 2's
    r"|</?\s*[A-Za-z][\w:-]{0,30}(?:\s[^<>]{0,200})?/?\s*>"  # HTML and XML tags
    r"|<!--|-->",
    re.IGNORECASE,
)
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
"""Unicode categories without a visible sign: control, format (zero width, bidirectional, tags), private, unassigned."""
ELLIPSIS = "…"


def cleaned(text: str, limit: int) -> str:
    """One line of visible characters in composed form, at most `limit` long; a cut shows as an ellipsis."""
    # A bound before the work: what is cut away in the end must not cost time. Decomposed letters count double.
    visible = "".join(_visible(character) for character in text[: 4 * limit])
    previous = None
    while previous != visible:  # a fence inside a fence leaves one behind
        previous, visible = visible, FENCES.sub(" ", visible)
    line = " ".join(unicodedata.normalize("NFC", visible).split())
    return line if len(line) <= limit else line[: max(limit - 1, 0)].rstrip() + ELLIPSIS[:limit]


def all_cleaned(texts: Iterable[str], *, limit: int, count: int) -> list[str]:
    """The first `count` texts that are not empty once cleaned."""
    found: list[str] = []
    for text in texts:
        if len(found) == count:
            break
        line = cleaned(text, limit)
        if line:
            found.append(line)
    return found


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in HIDDEN else character
