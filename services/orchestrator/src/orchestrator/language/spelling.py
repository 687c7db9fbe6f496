"""Known words that are one slip away: a letter too many, too few, another one, or two that changed places."""

from collections import defaultdict
from collections.abc import Iterable, Iterator


class Spelling:
    """Finds by deleted letters: two words one slip apart share a form with at most one letter deleted from each."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known: dict[str, list[str]] = defaultdict(list)
        for word in known:
            for form in _forms(word):
                self._known[form].append(word)

    def near(self, word: str) -> frozenset[str]:
        """The known words one slip away from `word`; itself, where it is known."""
        found = {known for form in _forms(word) for known in self._known.get(form, ())}
        return frozenset(known for known in found if _one_slip(word, known))


def _forms(word: str) -> Iterator[str]:
    yield word
    for index in range(len(word)):
        yield word[:index] + word[index + 1 :]


def _one_slip(one: str, other: str) -> bool:
    """Whether at most one insertion, deletion, substitution or swap of neighbours lies between them."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    first, second = one[start:], other[start:]
    if len(first) == len(second):
        swapped = first[1:2] + first[:1] + first[2:]
        return first[1:] == second[1:] or swapped == second
    return first[1:] == second or first == second[1:]
