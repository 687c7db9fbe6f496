"""An answer in a model's words, of which only what the quotes say is kept."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from contract_agent.answering import Quote
from contract_agent.vocabulary import WORD, is_function_word, stem

MOST_SENTENCES = 5
NEGATIONS = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot|nothing|nobody|except|unless|only)\b|n['’]t\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call cost."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Phrasing:
    """`sentences` are all covered by the quotes; none where the model gave nothing that is."""

    sentences: tuple[str, ...] = ()
    tokens: Tokens = Tokens()


class Phraser(Protocol):
    async def phrase(self, question: str, quotes: Sequence[Quote]) -> Phrasing:
        """Never raises for a model that fails: the plain quotes are an answer too."""
        ...


def covered(sentence: str, quote: Quote) -> bool:
    """Whether every number and every content word of `sentence`, and every negation, stands in `quote`."""
    said = {stem(word) for word in WORD.findall(f"{quote.text} {quote.clause} {quote.document}")}
    own = [word for word in WORD.findall(sentence) if not is_function_word(word) or stem(word)[0].isdigit()]
    if not own or not all(stem(word) in said for word in own):
        return False
    return bool(NEGATIONS.search(sentence)) == bool(NEGATIONS.search(quote.text))


def kept(content: str, quotes: Sequence[Quote]) -> tuple[str, ...]:
    """The sentences of a reply that some quote covers."""
    try:
        reply: Any = json.loads(content)
    except ValueError:
        return ()
    listed = reply.get("sentences") if isinstance(reply, dict) else None
    texts = (
        [item.get("text") if isinstance(item, dict) else item for item in listed] if isinstance(listed, list) else []
    )
    sentences = [
        sentence.strip()
        for text in texts
        if isinstance(text, str)
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý])", text)
    ]
    return tuple(item for item in sentences[:MOST_SENTENCES] if any(covered(item, quote) for quote in quotes))
