"""A request as numbers: groups of features, each of length one, so that long and short requests compare."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, pairwise

import snowballstemmer

from orchestrator.language.clauses import Clause, clauses
from orchestrator.language.grammar import packaged_grammar
from orchestrator.language.lexicon import Lexicon
from orchestrator.language.words import plain

WEIGHTS: Mapping[str, float] = {
    "word": 1.0,
    "pair": 0.6,
    "letters": 0.7,
    "concept": 1.0,
    "act": 0.6,
    "head": 0.6,
    "attachment": 0.5,
    "shape": 0.5,
}
Groups = dict[str, Counter[str]]


def groups(text: str, attachments: Iterable[str], lexicon: Lexicon) -> Groups:
    """The features of one request by group."""
    return groups_of(clauses(text, lexicon), attachments)


def groups_of(parts: Sequence[Clause], attachments: Iterable[str]) -> Groups:
    """The features of some clauses of a request by group."""
    words = [word for clause in parts for word in clause.words]
    stem = _stemmer(packaged_grammar().language(words))
    return {
        "word": Counter(_shape(word) or stem(word) for word in set(words)),
        "pair": Counter(f"{one} {other}" for clause in parts for one, other in pairwise(map(stem, clause.words))),
        "letters": Counter(piece for word in set(words) for piece in _letters(word)),
        "concept": Counter(concept for clause in parts for concept in clause.concepts),
        "act": Counter(feature for clause in parts for feature in _acts(clause)),
        "head": Counter(feature for clause in parts for feature in _heads(clause, stem)),
        "attachment": Counter(attachments or ("none",)),
        "shape": Counter(_shapes(words, parts)),
    }


def stemmed(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The words of one request, each with the feature of the group `word` that it becomes."""
    bare = [plain(word) for word in words]
    stem = _stemmer(packaged_grammar().language(bare))
    return zip(words, map(stem, bare), strict=True)


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return cache(stem)


def _shape(word: str) -> str:
    if not word[0].isdigit():
        return ""
    return "#time" if ":" in word else "#number"


def _letters(word: str) -> Iterator[str]:
    if word[0].isdigit() or len(word) < 4:
        return
    marked = f"<{word}>"
    for start in range(len(marked) - 3):
        yield marked[start : start + 4]


def _acts(clause: Clause) -> Iterator[str]:
    yield clause.mode
    for concept in clause.concepts:
        yield f"{clause.mode} {concept}"
    for one, other in combinations(sorted(clause.concepts), 2):
        yield f"{one} {other}"


def _heads(clause: Clause, stem: Callable[[str], str]) -> Iterator[str]:
    yield f"first {stem(clause.words[0])}"
    if len(clause.words) > 1:
        yield f"first {stem(clause.words[0])} {stem(clause.words[1])}"


def _shapes(words: list[str], parts: Sequence[Clause]) -> Iterator[str]:
    yield f"words {int(math.log2(len(words) + 1))}"
    yield f"clauses {int(math.log2(len(parts) + 1))}"
    yield from {clause.mode for clause in parts}
