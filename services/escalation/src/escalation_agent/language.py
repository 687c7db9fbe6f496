"""Which language a text is written in, and which one its writer asks for."""

import re
from collections import Counter
from functools import cache

from escalation_agent.lexicon import CODES, Lexicon, every_language, lexicon

WORD = re.compile(r"[^\W\d_]+(?:'(?=\w))?")
LETTERS = {"de": "äöüß", "fr": "àâçèêëîïôùûœ", "es": "ñ¿¡áíóú"}
READ = 4_000


def detected(text: str, own: str = "en") -> str:
    """The language whose words are most frequent in the first 4,000 characters; `own` where no other is ahead."""
    found = Counter(word.casefold() for word in WORD.findall(text[:READ]))
    scores = {code: _score(code, found, text[:READ].casefold()) for code in CODES}
    return max((own, *CODES), key=lambda code: scores[code])


def _score(code: str, found: Counter[str], text: str) -> float:
    known = sum(found[word] for word in lexicon(code).function_words)
    letters = min(sum(text.count(letter) for letter in LETTERS.get(code, "")), 4)
    return known + 0.7 * letters + 1.5 * bool(_order(code).match(text))


@cache
def _order(code: str) -> re.Pattern[str]:
    """A verb that opens a request, such as "draft": in a few words it tells more than "a", which has many languages."""
    polite, draft, weak = (lexicon(code).source("request", key) for key in ("polite", "draft", "weak"))
    return re.compile(rf"\W*(?:{polite}\W+)*(?:{draft}|{weak})(?!\w)")


def wished(text: str) -> str | None:
    """The language that the text asks for, such as "auf Deutsch" or "in German"."""
    found = ((match.start(), one.code) for one in every_language() for match in one.wish.finditer(text))
    return max(found, default=(0, None))[1]


def spoken(text: str, own: str = "en") -> tuple[Lexicon, ...]:
    """The lexicons to read a text with: its language, and English besides, which the trade mixes in everywhere."""
    code = detected(text, own)
    return (lexicon(code),) if code == "en" else (lexicon(code), lexicon("en"))
