"""Text as comparable words."""

import re
import unicodedata
from collections.abc import Iterator

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:[.,:/-]\d+)*|[?!%]", re.UNICODE)


def plain(text: str) -> str:
    """Lower case without diacritics or compatibility forms: `Prüfe` becomes `prufe`, `ﬁ` `fi`, `ß` `ss`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def words(text: str) -> Iterator[str]:
    """Words, numbers and the marks `?`, `!` and `%`, plain and in order."""
    return (match.group().replace("’", "'") for match in WORD.finditer(plain(text)))
