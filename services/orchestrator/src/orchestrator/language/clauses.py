"""A request cut into clauses, and what each of them is: something asked, something wanted, or only told."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.language.grammar import packaged_grammar
from orchestrator.language.lexicon import Lexicon
from orchestrator.language.words import plain

Mode = Literal["question", "wish", "settled", "statement"]

TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:[-'&][^\W\d_]+)*|[.!?;:,\n()]|%")
DIGITS = frozenset("123456789")
HARD = frozenset(".!?;:\n()")
SERIES = 4
"""So many numbers in one clause are data that came within the text."""
LEAD = 3
"""A wish shows within the first words of its clause."""


@dataclass(frozen=True, slots=True)
class Clause:
    """`words` are plain; `concepts` those of the words and phrases in it."""

    words: tuple[str, ...]
    concepts: frozenset[str]
    mode: Mode


def clauses(text: str, lexicon: Lexicon) -> tuple[Clause, ...]:
    """Sentences and list items, cut further where a joint or a comma begins another act or question."""
    found = []
    for words, mark in _sentences(text):
        pieces = list(_pieces(words, lexicon))
        for index, piece in enumerate(pieces):
            asked = mark == "?" and (index == len(pieces) - 1 or piece[0] in packaged_grammar().asking)
            found.append(_clause(piece, asked, lexicon))
    return tuple(found)


def _sentences(text: str) -> Iterator[tuple[list[str], str]]:
    words: list[str] = []
    for match in TOKEN.finditer(plain(text).replace("’", "'")):
        token = match.group()
        if token not in HARD:
            words.append(token)
            continue
        if _numbers_an_item(words, token):
            words.pop()
        if words:
            yield words, token
            words = []
    if words:
        yield words, ""


def _numbers_an_item(words: Sequence[str], mark: str) -> bool:
    """Whether a list item begins here: `2)` anywhere, `2.` alone."""
    return bool(words) and words[-1] in DIGITS and (mark == ")" or len(words) == 1)


def _pieces(words: Sequence[str], lexicon: Lexicon) -> Iterator[list[str]]:
    piece: list[str] = []
    for index, word in enumerate(words):
        if (
            piece
            and (word == "," or word in packaged_grammar().joints)
            and _begins(words[index + 1 : index + 1 + LEAD], lexicon)
        ):
            yield piece
            piece = []
        if word != ",":
            piece.append(word)
    if piece:
        yield piece


def _begins(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether these are the first words of an act or a question of their own."""
    head = [word for word in words if word not in packaged_grammar().joints and word != ","][:2]
    return bool(head) and (
        head[0] in packaged_grammar().asking
        or head[0] in packaged_grammar().wishing
        or any(_acts(word, lexicon) for word in head)
    )


def _acts(word: str, lexicon: Lexicon) -> bool:
    return any(concept.startswith("act.") for concept in lexicon.concepts(word))


def _clause(words: Sequence[str], asked: bool, lexicon: Lexicon) -> Clause:
    concepts = lexicon.phrases(words).union(*(lexicon.concepts(word) for word in words))
    if "mark.to-me" in concepts:  # "tell me" wants an answer, "tell the carrier" a message
        concepts -= {"act.write"}
    if sum(word[0].isdigit() for word in words) >= SERIES:
        concepts |= {"matter.data"}
    return Clause(tuple(words), concepts, _mode(words, concepts, asked, lexicon))


def _mode(words: Sequence[str], concepts: frozenset[str], asked: bool, lexicon: Lexicon) -> Mode:
    lead = [word for word in words if word not in packaged_grammar().joints][:LEAD]
    if "mark.settled" in concepts:
        return "settled"
    if any(word in packaged_grammar().wishing for word in lead) or (lead and _acts(lead[0], lexicon)):
        return "wish"
    if asked or (lead and lead[0] in packaged_grammar().asking):
        return "question"
    return "wish" if not packaged_grammar().wishing.isdisjoint(words) else "statement"
