"""Makes `wordnet.txt.gz` out of WordNet's database files: `python -m contract_agent.distilling /usr/share/wordnet`.

A line is a synset: `stem:share ...`, tab, the numbers of the lines one step above. A share is the tenths of a word's
use that the sense is taken to have, by its rank; several words are joined by `_`. A first line of `=` is followed by
`stem=stem ...`: words that are derived from each other and have different stems.
"""

import gzip
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contract_agent.vocabulary import stem

POS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
LEFT_OUT = frozenset((5, 8, 20))
"""WordNet's lexicographer files of animals, body parts and plants."""
ABOVE = frozenset(("@", "&"))
DERIVED = "+"
LEAST_SHARE = 0.12
LONGEST = 3
"""Words of an expression."""


@dataclass(frozen=True, slots=True)
class Synset:
    words: tuple[str, ...]
    above: tuple[str, ...]
    derived: tuple[tuple[int, str, int], ...]


def distil(folder: Path) -> str:
    synsets = {key: found for name in POS for key, found in _synsets(folder, name)}
    shares = {(POS[name], lemma): found for name in POS for lemma, found in _shares(folder, name)}
    senses = {key: _senses(key, synset, shares) for key, synset in synsets.items()}
    reached = {above for key, synset in synsets.items() if senses[key] for above in synset.above}
    kept = [key for key, found in senses.items() if len(found) > 1 or (found and _linked(synsets[key], key, reached))]
    numbers = {key: number for number, key in enumerate(kept)}
    lines = [_line(senses[key], [numbers[above] for above in synsets[key].above if above in numbers]) for key in kept]
    return "\n".join([*lines, "=", *_derivations(synsets, senses)]) + "\n"


def _linked(synset: Synset, key: str, reached: set[str]) -> bool:
    return bool(synset.above) or key in reached


def _synsets(folder: Path, name: str) -> Iterator[tuple[str, Synset]]:
    for line in (folder / f"data.{name}").read_text("ascii", "replace").splitlines():
        if line.startswith(" "):
            continue
        fields = line.partition(" | ")[0].split()
        if int(fields[1]) in LEFT_OUT:
            continue
        count = int(fields[3], 16)
        words = tuple(re.sub(r"\(.*\)", "", word) for word in fields[4 : 4 + 2 * count : 2])
        start = 5 + 2 * count
        pointers = [fields[at : at + 4] for at in range(start, start + 4 * int(fields[start - 1]), 4)]
        above = tuple(pos + offset for sign, offset, pos, _ in pointers if sign in ABOVE)
        derived = tuple(
            (int(ends[:2], 16), pos + offset, int(ends[2:], 16))
            for sign, offset, pos, ends in pointers
            if sign == DERIVED
        )
        yield POS[name] + fields[0], Synset(words, tuple(key.replace("s", "a", 1) for key in above), derived)


def _shares(folder: Path, name: str) -> Iterator[tuple[str, dict[str, float]]]:
    """For each word the share of each of its senses, which stand in the order of their frequency."""
    for line in (folder / f"index.{name}").read_text("ascii", "replace").splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        offsets = fields[-int(fields[2]) :]
        total = sum(1 / rank for rank in range(1, len(offsets) + 1))
        yield fields[0], {offset: 1 / rank / total for rank, offset in enumerate(offsets, 1)}


def _senses(key: str, synset: Synset, shares: dict[tuple[str, str], dict[str, float]]) -> dict[str, float]:
    """The stems of a synset, less proper names and words that rarely mean it."""
    found: dict[str, float] = {}
    for word in synset.words:
        share = shares.get((key[0], word.lower()), {}).get(key[1:], 0.0)
        if word.islower() and share >= LEAST_SHARE and word.count("_") < LONGEST and _plain(word):
            found[_stem(word)] = max(found.get(_stem(word), 0.0), share)
    return found


def _plain(word: str) -> bool:
    return word.replace("_", "").isalpha()


def _stem(word: str) -> str:
    return "_".join(stem(piece) for piece in word.split("_"))


def _line(found: dict[str, float], above: list[int]) -> str:
    words = " ".join(f"{word}:{min(9, round(share * 10))}" for word, share in found.items())
    return words + "\t" + " ".join(map(str, above))


def _derivations(synsets: dict[str, Synset], senses: dict[str, dict[str, float]]) -> list[str]:
    pairs: dict[str, set[str]] = defaultdict(set)
    for key, synset in synsets.items():
        for source, other, target in synset.derived:
            if not source or not target or other not in synsets:
                continue
            first, second = _stem(synset.words[source - 1]), _stem(synsets[other].words[target - 1])
            if first != second and first in senses[key] and second in senses[other]:
                pairs[first].add(second)
    return [f"{first}={' '.join(sorted(others))}" for first, others in sorted(pairs.items())]


if __name__ == "__main__":
    text = distil(Path(sys.argv[1])).encode("ascii")
    (Path(__file__).parent / "wordnet.txt.gz").write_bytes(gzip.compress(text, 9, mtime=0))
