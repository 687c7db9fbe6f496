"""What words mean, as far as routing is concerned."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from orchestrator.language.spelling import Spelling
from orchestrator.language.words import plain

SPELLED = 5
"""Shorter words are too close to each other for a guess at what was meant."""
REMEMBERED = 20_000


class Lexicon:
    """Concepts by their terms: `words` parted by spaces, with `*` for any letters, and `phrases` of several words."""

    def __init__(self, concepts: Mapping[str, Mapping[str, Any]]) -> None:
        self._words: dict[str, set[str]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._phrases: list[tuple[str, str]] = []
        for concept, terms in concepts.items():
            self._add_words(concept, plain(terms.get("words", "")).split())
            self._phrases += [(f" {plain(phrase)} ", concept) for phrase in terms.get("phrases", ())]
        self._spelling = Spelling(word for word in self._words if len(word) >= SPELLED)
        self._remembered: dict[str, frozenset[str]] = {}

    def _add_words(self, concept: str, terms: Sequence[str]) -> None:
        for term in terms:
            self._words.setdefault(term.strip("*"), set()).add(concept)
        wild = "|".join(re.escape(term).replace(r"\*", ".*") for term in terms if "*" in term)
        if wild:
            self._patterns.append((re.compile(wild), concept))

    def concepts(self, word: str) -> frozenset[str]:
        """The concepts of one plain word; a word with one slip of the pen has those of the right one."""
        if word in self._remembered:
            return self._remembered[word]
        found = self.exact(word)
        if not found and len(word) >= SPELLED:
            found = frozenset(concept for near in self._spelling.near(word) for concept in self.exact(near))
        if len(self._remembered) < REMEMBERED:
            self._remembered[word] = found
        return found

    def exact(self, word: str) -> frozenset[str]:
        """Without allowing for slips."""
        wild = {concept for pattern, concept in self._patterns if pattern.fullmatch(word)}
        return frozenset(self._words.get(word, set()) | wild)

    def phrases(self, words: Sequence[str]) -> frozenset[str]:
        """The concepts of the phrases in a row of plain words."""
        text = f" {' '.join(words)} "
        return frozenset(concept for phrase, concept in self._phrases if phrase in text)


@cache
def packaged_lexicon() -> Lexicon:
    """The lexicon of the package, read once."""
    text = files("orchestrator.language").joinpath("lexicon.yaml").read_text(encoding="utf-8")
    return Lexicon(yaml.safe_load(text))
