"""The small words that show what a sentence is and which language it is in."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Grammar:
    """`asking` and `wishing` begin questions and wishes, `joints` join clauses, `small` ones explain nothing.

    `languages` are snowball's names.
    """

    asking: frozenset[str]
    wishing: frozenset[str]
    joints: frozenset[str]
    small: frozenset[str]
    languages: Mapping[str, frozenset[str]]

    def language(self, words: Iterable[str]) -> str:
        """The language that most of the words belong to; the first one, if none does."""
        counted = Counter(name for word in words for name, known in self.languages.items() if word in known)
        return max(self.languages, key=lambda name: counted[name])


@cache
def packaged_grammar() -> Grammar:
    text = files("orchestrator.language").joinpath("grammar.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    return Grammar(
        asking=frozenset(values["asking"].split()),
        wishing=frozenset(values["wishing"].split()),
        joints=frozenset(values["joints"].split()),
        small=frozenset(values["small"].split()),
        languages={name: frozenset(words.split()) for name, words in values["languages"].items()},
    )
