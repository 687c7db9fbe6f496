"""What a question is about: its terms, the contract that it names, and the parts that it has."""

import re
from dataclasses import dataclass, replace

from contract_agent.quantities import asked
from contract_agent.thesaurus import Match, thesaurus
from contract_agent.vocabulary import (
    ARTICLES,
    IF,
    OF_WHAT,
    Language,
    Word,
    is_function_word,
    language_of,
    role,
    stem,
    words,
)

AGREEMENTS = role("agreement")
LIGHT = role("light")
LONGER = 3
"""Letters by which a word may be longer than the light one of its stem: not so `specifications` and `specific`."""
NOT_NAMES = role("not_names")
PARTS = re.compile(
    r"(?:,\s*|\s+)(?:and|or|und|et|y)\s+(?=(?:(?:for|outside|by|from|until|in|at|to|with)\s+)?"
    r"(?:how|what|which|who|whom|whose|when|where|why|wie|was|wer|wann|welche\w*|qui|quand|quelle?s?|quién|cuándo|cuál)\b)",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"\b(?=[\w/-]*\d)(?=[\w/-]*[A-Z])[A-Za-z\d]+(?:[-_/][A-Za-z\d]+)*\b")
"""`SHIP_001`, `MAEU-ABC12345678`, `T1`."""
_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_GRADES = (
    r"(?:priority|severity|level|zone|tier|class|group|category|line|lane|stage|phase|grade|type|lot|batch|bay|gate)"
)
NUMBERED = re.compile(
    rf"\b(?!(?:The|For|And|Are|Was|Than|After|Within|{_MONTHS})\b)[A-Z][a-z]{{2,}} \d{{1,3}}\b(?![.,:/-]?\d)|"
    rf"\b{_GRADES} (?:\d{{1,3}}|[A-Z])\b"
)
"""`Priority 2`, `zone B`: a clause that speaks of another number is no answer."""
REFERENCE = re.compile(
    r"\b(?:annex|appendix|schedule|exhibit|attachment|article|section|clause|paragraph|anlage|anhang|artikel)\s+"
    r"(?:\d+(?:\.\d+)*|[A-Z])\b|§\s*\d+|\b\d+\.\d+(?:\.\d+)*\b(?=\s*\()",
    re.IGNORECASE,
)
META = re.compile(
    r"\b(?:(?:in )?(?:which|what) (?:one )?(?:of (?:our|my|the|all) )?(?:\w+ )?"
    r"(?:contracts?|agreements?|documents?|clauses?)|"
    r"where (?:did|have|do) we (?:agreed?|regulated?)(?: that| on)?|"
    r"(?:find|show|list|search|look up|give)(?: me)?(?: (?:the|all|every|our|any))?"
    r"(?: (?:contracts?|agreements?|clauses?|documents?))?)\b",
    re.IGNORECASE,
)
HOW_EARLY = re.compile(
    r"(?<=how )early\b|(?<=as )early(?= as\b)|(?<=wie )früh\b|(?<=si )tôt\b|(?<=plus )tôt\b|"
    r"(?<=tan )(?:pronto|temprano)\b",
    re.IGNORECASE,
)
"""Asks for a time, where "early" elsewhere says of what kind a thing is."""
FOCUS = re.compile(
    r"\b(?:what|which|whose|how (?:much|many)|welche\w*|wie ?viele?|quel(?:le)?s?|cuál(?:es)?|qué|combien de|"
    r"cuánt[oa]s|(?:is|are) there|gibt es|y a-t-il|existe-t-il|hay|existe)\b"
    r"(?:\s+(?:is|are|was|were|ist|sind|est|sont|es|son)\b)?(?:\s+(?:the|a|an|any|our|your|der|die|das|eine?n?|le|la|les|une?|el|los|las|una?|alguna?)\b)?",
    re.IGNORECASE,
)
LONGEST_FOCUS = 3
SENTENCE_END = re.compile(r"[.?!]\s+(?=[A-Z])")
COMPOUND = re.compile(r"(?P<of>\w{3,}?)s?(?P<kind>vertr[aä]ge?s?|vereinbarung(?:en)?)")
LINKING = frozenset(("with", "between", "and", "mit", "zwischen", "und", "avec", "entre", "et", "con", "y"))


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that the question speaks of.

    `stems` all occur in a text that says it in the same words; a text that holds one of `concepts` says it in others.
    `name`: a proper name or an identifier, `numbered` one like "Priority 2". `focus`: what is asked for, rather than
    said, by the question. `context`: said in a sentence that asks nothing. `subject`: what the rest is asked of, behind
    a word such as "for": "the fee for pallets". `condition`: said behind "if".
    """

    text: str
    stems: tuple[str, ...]
    concepts: frozenset[str]
    name: bool = False
    light: bool = False
    focus: bool = False
    numbered: bool = False
    context: bool = False
    subject: bool = False
    condition: bool = False

    @property
    def scope(self) -> bool:
        """Whether it says of what, or in which case, something is asked."""
        return self.subject or self.condition

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(concept for concept in self.concepts if thesaurus().is_topic(concept))


@dataclass(frozen=True, slots=True)
class Question:
    """`naming`: words that say which contract is meant. `kind`: the kind of value asked for (`quantities.KINDS`)."""

    text: str
    language: Language
    terms: tuple[Term, ...]
    naming: tuple[Term, ...]
    references: tuple[str, ...]
    kind: str | None
    parts: tuple["Question", ...] = ()

    @property
    def names(self) -> tuple[Term, ...]:
        """All proper names, wherever they stand."""
        return tuple(term for term in (*self.naming, *self.terms) if term.name)


def question(text: str) -> Question:
    """Understands `text` as a whole and, where it asks several things, each part alone."""
    whole = _question(text, language_of(text))
    pieces = [piece for piece in PARTS.split(text) if piece.strip()]
    if len(pieces) < 2:
        return whole
    parts = tuple(part for part in (_question(piece, whole.language) for piece in pieces) if part.terms)
    return replace(whole, parts=parts if len(parts) > 1 else ())


def _question(text: str, language: Language) -> Question:
    references = tuple(re.sub(r"\s+", " ", match.group()).lower() for match in REFERENCE.finditer(text))
    plain = text
    for pattern in (META, REFERENCE, HOW_EARLY):
        plain = pattern.sub(_blank, plain)
    identifiers = tuple(_identifier(match.group()) for match in IDENTIFIER.finditer(text))
    identifiers += tuple(replace(_identifier(match.group()), numbered=True) for match in NUMBERED.finditer(plain))
    for pattern in (IDENTIFIER, NUMBERED):
        plain = pattern.sub(_blank, plain)
    found = [part for word in words(plain, language) for part in _parted(word, language)]
    naming = _naming(found, language)
    focus = _focus(plain, found, language)
    aside = _aside(plain, found)
    subjects = _subjects(found, language)
    conditions = _conditions(plain, found, language)
    terms = [
        (replace(term, context=at <= aside, subject=at <= subjects, condition=at <= conditions), at)
        for term, at in _terms(found, language, focus)
    ]
    return Question(
        text,
        language,
        tuple(term for term, at in terms if not at <= naming) + identifiers,
        tuple(term for term, at in terms if at <= naming),
        references,
        asked(text),
    )


def _parted(word: Word, language: Language) -> list[Word]:
    """A German compound that names an agreement as its two words: `Lagervertrag` is a contract on storage."""
    match = COMPOUND.fullmatch(word.text) if language == "de" else None
    if match is None:
        return [word]
    middle = word.start + match.start("kind")
    return [
        Word(match["of"], stem(match["of"], language), word.start, middle),
        Word(match["kind"], stem(match["kind"], language), middle, word.end),
    ]


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _identifier(text: str) -> Term:
    return Term(text, tuple(word.stem for word in words(text)), frozenset(), name=True)


def _terms(found: list[Word], language: Language, focus: set[int]) -> list[tuple[Term, set[int]]]:
    """Each term with the positions of its words. A word belongs to the longest expression that it is part of."""
    matches = list(thesaurus().matches([word.stem for word in found], language))
    terms: list[tuple[Term, set[int]]] = []
    capitals = _capitals(found)
    position = 0
    while position < len(found):
        starting = [match for match in matches if match.start == position and _counts(match, found, language)]
        if position in capitals:
            starting = []
        end = max((match.end for match in starting), default=position + 1)
        inside = () if position in capitals else matches
        concepts = frozenset(match.name for match in inside if position <= match.start and match.end <= end)
        at = set(range(position, end))
        if starting or at <= capitals or not is_function_word(found[position].text, language):
            terms.append((_term(found[position:end], concepts, bool(at & focus), language, position), at))
        position = end
    return terms


def _capitals(found: list[Word]) -> set[int]:
    """Positions of two or more words in capitals in a row, which are a name even where each has a meaning."""
    loud = [word.text.isupper() and len(word.text) > 2 for word in found]
    return {at for at, here in enumerate(loud) if here and (loud[at - 1 : at] + loud[at + 1 : at + 2]).count(True)}


def _counts(match: Match, found: list[Word], language: Language) -> bool:
    return any(not is_function_word(word.text, language) for word in found[match.start : match.end]) or (
        match.end - match.start > 1
    )


def _term(group: list[Word], concepts: frozenset[str], focus: bool, language: Language, position: int) -> Term:
    content = [word for word in group if not is_function_word(word.text, language)] or group
    return Term(
        text=" ".join(word.text for word in group),
        stems=tuple(stem(word.text) for word in content),
        concepts=concepts,
        name=_is_name(group, concepts, language, position),
        light=_is_light(content, concepts, language, len(group) == 1),
        focus=focus,
    )


def _is_light(content: list[Word], concepts: frozenset[str], language: Language, single: bool) -> bool:
    """ "By when" and "how long" are answered by the form of an answer."""
    if all(is_function_word(word.text, language) for word in content):
        return concepts <= {"deadline", "schedule"}
    word = content[0].text
    return len(content) == 1 and single and (len(word) == 1 or word[0].isdigit() or _is_listed(word))


def _is_listed(word: str) -> bool:
    return stem(word) in LIGHT and len(word) <= LIGHT[stem(word)] + LONGER


def _is_name(group: list[Word], concepts: frozenset[str], language: Language, position: int) -> bool:
    """German writes every noun with a capital, so that only words in capitals count there."""
    word = group[0].text
    if concepts or len(group) > 1 or len(word) < 2 or stem(word) in NOT_NAMES or _is_listed(word):
        return False
    if language == "de":
        return word.isupper()
    return word.isupper() or (word[0].isupper() and position > 0)


def _naming(found: list[Word], language: Language) -> set[int]:
    """Positions of the words that say which contract is meant."""
    positions: set[int] = set()
    for index, word in enumerate(found):
        if stem(word.text) not in AGREEMENTS:
            continue
        positions.add(index)
        before = index - 1
        while before >= 0 and not is_function_word(found[before].text, language) and index - before <= 5:
            positions.add(before)
            before -= 1
        positions |= _with_whom(found, index + 1)
    return positions


def _with_whom(found: list[Word], start: int) -> set[int]:
    """The parties behind "agreement with ..." or "contract between ... and ..."."""
    positions: set[int] = set()
    for index in range(start, len(found)):
        word = found[index].text
        if word.lower() in LINKING or len(word) == 1:
            continue
        if not word[0].isupper():
            break
        positions.add(index)
    return positions


def _subjects(found: list[Word], language: Language) -> set[int]:
    """Positions of the words behind one that links a thing to what it is asked of, up to the next small word."""
    positions: set[int] = set()
    open_phrase = False
    for index, word in enumerate(found):
        if is_function_word(word.text, language):
            open_phrase = word.text.lower() in OF_WHAT[language] or (open_phrase and word.text.lower() in ARTICLES)
        elif open_phrase:
            positions.add(index)
    return positions


def _conditions(text: str, found: list[Word], language: Language) -> set[int]:
    """Positions of the words between one such as "if" and the end of its part of the sentence."""
    positions: set[int] = set()
    inside, end = False, 0
    for index, word in enumerate(found):
        inside = (inside and not re.search(r"[,;:.?!]", text[end : word.start])) or word.text.lower() in IF[language]
        end = word.end
        if inside:
            positions.add(index)
    return positions


def _aside(text: str, found: list[Word]) -> set[int]:
    """Positions of the words outside the sentences that ask, if any does."""
    ends = [match.end() for match in SENTENCE_END.finditer(text)] + [len(text)]
    starts = [0, *ends[:-1]]
    asking = [(start, end) for start, end in zip(starts, ends, strict=True) if text[start:end].rstrip().endswith("?")]
    if not asking:
        return set()
    return {index for index, word in enumerate(found) if not any(start <= word.start < end for start, end in asking)}


def _focus(text: str, found: list[Word], language: Language) -> set[int]:
    """Positions of the words right behind "which", "what is the" or "how many"."""
    match = FOCUS.search(text)
    if not match:
        return set()
    behind = [index for index, word in enumerate(found) if word.start >= match.end()]
    positions: set[int] = set()
    for index in behind[:LONGEST_FOCUS]:
        if is_function_word(found[index].text, language):
            break
        positions.add(index)
    return positions
