"""Words as they are compared: lower case, without accents, stemmed, numbers in one spelling."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import snowballstemmer

Language = Literal["en", "de", "fr", "es"]
STEMMERS = {"en": "english", "de": "german", "fr": "french", "es": "spanish"}
WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")

NUMBER_WORDS = {
    word: str(number)
    for number, words in {
        0.5: "half halb",
        1: "one once un uno ein eine",
        2: "two twice zwei zweimal deux dos",
        3: "three thrice drei trois tres",
        4: "four vier quatre cuatro",
        5: "five fünf cinq cinco",
        6: "six sechs seis",
        7: "seven sieben sept siete",
        8: "eight acht huit ocho",
        9: "nine neun neuf nueve",
        10: "ten zehn dix diez",
        11: "eleven elf",
        12: "twelve zwölf douze doce dozen",
        14: "fourteen vierzehn fortnight",
        15: "fifteen fünfzehn quinze quince",
        20: "twenty zwanzig vingt veinte",
        24: "twenty-four",
        30: "thirty dreißig trente treinta",
        40: "forty",
        45: "forty-five",
        48: "forty-eight",
        50: "fifty",
        60: "sixty sechzig soixante sesenta",
        90: "ninety neunzig noventa",
        100: "hundred hundert cent cien",
    }.items()
    for word in words.split()
}

FUNCTION_WORDS: dict[Language, frozenset[str]] = {
    "en": frozenset(
        "a about above after all also am an and any are as at be been before being both but by can could did do does "
        "doing done during each either else ever few for from further get gets give given go goes got had has have "
        "having he her here him his how i if in into is it its just let like made make makes many may me might more "
        "most much must my neither no nor not of off on once only onto or other our ours out over own per please s "
        "same set sets shall she should so some such t take takes than that the their theirs them then there these "
        "they this those though through to too under until up upon us use used very was we were what when where "
        "whether which while who whom whose why will with within without would yet you your yours tell say says said "
        "according regarding concerning actually exactly need needs want wants "
        "state stated stipulate named mentioned agreed foresee provide provides provided specify specified".split()
    ),
    "de": frozenset(
        "der die das den dem des ein eine einen einem einer eines und oder ist sind war wird werden wie was wer wann "
        "wo welche welcher welches welchen welchem wir uns unser unsere unserem unseren unserer ihr ihre sie er es "
        "ich bei mit für von vom zu zum zur im in an am auf aus nach über unter vor bis wenn dass ob darf dürfen kann "
        "können muss müssen soll hat haben gibt steht laut gemäß pro je viel viele hoch lange nicht kein keine auch "
        "nur wird man sich diese dieser dieses denn noch schon".split()
    ),
    "fr": frozenset(
        "le la les l un une des du de d et ou est sont a ont à au aux en dans par pour sur sous avec sans que qui quoi "
        "quel quelle quels quelles quand où comment combien nous notre nos vous votre vos il elle ils elles ce cette "
        "ces si ne pas peut doit faut y se s qu selon entre plus moins être avoir fait t je on".split()
    ),
    "es": frozenset(
        "el la los las un una unos unas de del y o es son está a al en por para con sin que qué quien quién cual cuál "
        "cuáles cuándo cuando dónde donde cómo como cuánto cuánta cuántos cuántas nos nuestro nuestra nuestros "
        "nuestras su sus se si no hay puede debe según entre más menos ser tener tiene lo le me este esta".split()
    ),
}


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
