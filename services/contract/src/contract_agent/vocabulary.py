"""Words as they are compared: lower case, without accents, stemmed, numbers in one spelling."""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import snowballstemmer

Language = Literal["en", "de", "fr", "es"]
STEMMERS = {"en": "english", "de": "german", "fr": "french", "es": "spanish"}
WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def _word_lists() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("contract_agent").joinpath("words.toml").read_text("utf-8"))


_LISTS = _word_lists()
NUMBER_WORDS = {word: number for number, words in _LISTS["numbers"].items() for word in words.split()}
FUNCTION_WORDS: dict[Language, frozenset[str]] = {
    "en": frozenset(_LISTS["function"]["en"].split()),
    "de": frozenset(_LISTS["function"]["de"].split()),
    "fr": frozenset(_LISTS["function"]["fr"].split()),
    "es": frozenset(_LISTS["function"]["es"].split()),
}
OF_WHAT = {language: frozenset(_LISTS["of_what"][language].split()) for language in STEMMERS}
IF = {language: frozenset(_LISTS["if"][language].split()) for language in STEMMERS}
UNSTEMMED = frozenset(_LISTS["unstemmed"]["en"].split())
FAMILIES = {name: frozenset(concepts.split()) for name, concepts in _LISTS["families"].items()}
ARTICLES = frozenset(_LISTS["of_what"]["articles"].split())


@dataclass(frozen=True, slots=True)
class Word:
    """`text` as written, `stem` as compared; `start` and `end` count in the text that it comes from."""

    text: str
    stem: str
    start: int
    end: int


def words(text: str, language: Language = "en") -> list[Word]:
    return [
        Word(match.group(), stem(match.group(), language), match.start(), match.end()) for match in WORD.finditer(text)
    ]


def stems(text: str, language: Language = "en") -> list[str]:
    return [stem(word, language) for word in WORD.findall(text)]


@lru_cache(maxsize=50_000)
def stem(word: str, language: Language = "en") -> str:
    """The form that a word is compared in; letters and digits only, and "." in a decimal number."""
    if word[0].isdigit():
        return _number(word)
    lower = word.lower()
    if lower in NUMBER_WORDS:
        return NUMBER_WORDS[lower]
    if language == "en" and lower in UNSTEMMED:
        return lower
    return fold(snowballstemmer.stemmer(STEMMERS[language]).stemWord(lower))


def fold(text: str) -> str:
    """Without accents: `Gävle` and `Gavle` are the same place."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("Ø", "O").replace("ø", "o"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def _number(word: str) -> str:
    plain = word.replace(",", "") if THOUSANDS.fullmatch(word) else word.replace(",", ".")
    whole, _, fraction = plain.partition(".")
    return f"{whole}.{fraction.rstrip('0')}".rstrip(".") if fraction.isdigit() else plain


def is_function_word(word: str, language: Language = "en") -> bool:
    return word.lower() in FUNCTION_WORDS[language]


def language_of(text: str) -> Language:
    """The language whose function words the text has most of; English in doubt."""
    found = [word.lower() for word in WORD.findall(text)]
    counts = {language: sum(word in known for word in found) for language, known in FUNCTION_WORDS.items()}
    best = max(counts, key=lambda language: (counts[language], language == "en"))
    return best if counts[best] > counts["en"] else "en"


def role(name: str) -> dict[str, int]:
    """Stems of a list in the `roles` of `words.toml`, each with the length of its longest word there."""
    listed = sorted(_LISTS["roles"][name].split(), key=len)
    return {stem(word): len(word) for word in listed}
