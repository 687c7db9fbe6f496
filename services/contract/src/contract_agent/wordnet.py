"""What a general dictionary holds for near in meaning: WordNet, distilled into `wordnet.txt.gz`."""

import gzip
import math
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

ONE_STEP_UP = 0.6
"""Of what a synonym counts: `vehicle` for `truck`."""
DERIVED = 0.8
LEAST = 0.2


class WordNet:
    """Looks words up in the text of the file, which is faster than reading all of it into an index."""

    def __init__(self, text: str) -> None:
        synsets, _, derivations = text.partition("\n=\n")
        self._text = f"\n{synsets}\n"
        self._lines = synsets.split("\n")
        self._derivations = f"\n{derivations}"

    def related(self, word: str) -> dict[str, float]:
        """How near other stems are to `word`, a stem, or several joined by `_`: above `LEAST`, up to 1."""
        found: dict[str, float] = {}
        for other, value in self._near(word):
            found[other] = max(found.get(other, 0.0), value)
        for other, value in list(found.items()):
            for variant in self._derived(other):
                found[variant] = max(found.get(variant, 0.0), DERIVED * value)
        for variant in self._derived(word):
            found[variant] = DERIVED
        found.pop(word, None)
        return {other: value for other, value in found.items() if value >= LEAST}

    def has(self, word: str) -> bool:
        return next(self._at(word), None) is not None

    def _near(self, word: str) -> Iterator[tuple[str, float]]:
        for start in self._at(word):
            line = self._text[self._text.rfind("\n", 0, start + 1) + 1 : self._text.find("\n", start + 1)]
            words, _, above = line.partition("\t")
            senses = _shares(words)
            own = senses[word]
            yield from ((other, math.sqrt(own * share)) for other, share in senses.items())
            for number in above.split():
                senses = _shares(self._lines[int(number)].partition("\t")[0])
                yield from ((other, ONE_STEP_UP * math.sqrt(own * share)) for other, share in senses.items())

    def _at(self, word: str) -> Iterator[int]:
        for before in "\n ":
            start = self._text.find(f"{before}{word}:")
            while start >= 0:
                yield start
                start = self._text.find(f"{before}{word}:", start + 1)

    def _derived(self, word: str) -> list[str]:
        start = self._derivations.find(f"\n{word}=")
        if start < 0:
            return []
        return self._derivations[start + len(word) + 2 : self._derivations.find("\n", start + 1)].split()


def _shares(words: str) -> dict[str, float]:
    pairs = (pair.split(":") for pair in words.split())
    return {word: int(tenths) / 10 for word, tenths in pairs}


@cache
def wordnet() -> WordNet:
    """The one that ships with the agent."""
    return WordNet(gzip.decompress(files("contract_agent").joinpath("wordnet.txt.gz").read_bytes()).decode("ascii"))


@lru_cache(maxsize=5_000)
def related(word: str) -> dict[str, float]:
    """Callers do not change what they are given."""
    return wordnet().related(word)
