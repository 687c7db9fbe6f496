"""Which language a text is written in, and which one its writer asks for."""

import re
from collections import Counter

from escalation_agent.lexicon import CODES, Lexicon, every_language, lexicon

WORD = re.compile(r"[^\W\d_]+(?:'(?=\w))?")
LETTERS = {"de": "äöüß", "fr": "àâçèêëîïôùûœ", "es": "ñ¿¡áíóú"}
READ = 4_000


def detected(text: str) -> str:
    """The language whose function words are most frequent in the first 4,000 characters; English when none is."""
    found = Counter(word.casefold() for word in WORD.findall(text[:READ]))
    scores = {code: _score(code, found, text[:READ].casefold()) for code in CODES}
    return max(CODES, key=lambda code: scores[code])


def _score(code: str, found: Counter[str], text: str) -> float:
    known = sum(found[word] for word in lexicon(code).function_words)
    return known + 0.7 * min(sum(text.count(letter) for letter in LETTERS.get(code, "")), 4)


def wished(text: str) -> str | None:
    """The language that the text asks for, such as "auf Deutsch" or "in German"."""
    found = ((match.start(), one.code) for one in every_language() for match in one.wish.finditer(text))
    return max(found, default=(0, None))[1]


def spoken(text: str) -> tuple[Lexicon, ...]:
    """The lexicons to read a text with: its language, and English besides, which the trade mixes in everywhere."""
    code = detected(text)
    return (lexicon(code),) if code == "en" else (lexicon(code), lexicon("en"))
