"""Who is written to: a role, a name, an address, each only as far as the text says it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from escalation_agent.lexicon import alternatives, every_language, words
from escalation_agent.text import one_line, shorten

ADDRESS = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9](?:[A-Za-z0-9_%+-]|\.(?=[A-Za-z0-9])){0,63}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-])"
)
TOKEN = re.compile(r"[^\s,;:!?()\[\]\"“”„«»‹›<>]+|[,;:!?()\[\]\"“”„«»‹›<>]")
PUNCTUATION = frozenset(',;:!?()[]"“”„«»‹›<>')
ENCLOSED = re.compile(rf"[<‹(\[\"]\s*(?={ADDRESS.pattern})")
BESIDE = re.compile(rf"[\s,(<‹\[:-]*(?:(?:at|via|e-?mail|mail)\s*:?\s*)?({ADDRESS.pattern})[)>›\]]?")
DASHES = frozenset({"-", "–", "—", "/", "&"})
BREAKS = PUNCTUATION | DASHES
ELIDED = re.compile(r"[ld]['’](?=\w)", re.IGNORECASE)
COMPANY = re.compile(r"(?:firma|company|firm|soci[ée]t[ée]|sté|empresa|compa[ñn][ií]a)", re.IGNORECASE)
FOLLOWING_NAME = re.compile(r"\s+[A-ZÄÖÜÉ]")
MAX_TOKENS = 9
MAX_LENGTH = 120
EXPANDED = {"mgr": "manager", "dept": "department", "acct": "account", "ops": "operations"}
# German weak nouns behind "an den" or "dem", with the ending of their nominative.
WEAK_NOUN = re.compile(r"(?:(?P<en>.*(?:agent|disponent|lieferant))en|(?P<n>.*(?:kunde|kollege))n)", re.IGNORECASE)
NOBODY = frozenset({"someone", "somebody", "anyone", "everyone", "know", "notice", "jemand", "alguien", "bescheid"})


def _all(section: str, key: str) -> list[str]:
    return [item for one in every_language() for item in one.value(section, key)]


ROLE = words(_all("recipient", "roles"))
STOP = re.compile(rf"{alternatives(_all('recipient', 'stop'))}\.?", re.IGNORECASE)
DETERMINER = re.compile(alternatives(_all("recipient", "determiners")), re.IGNORECASE)
BEFORE_NAME = re.compile("|".join(one.value("recipient", "before_name") for one in every_language()), re.IGNORECASE)
TITLE = re.compile(r"(?:mr|mrs|ms|dr|herrn?|frau|mme|mlle|sr|sra|monsieur|madame|señora?)\.?", re.IGNORECASE)
LABELLED_ADDRESS = re.compile(
    rf"(?:address|e-?mail|mail|adresse|correo)(?: (?:is|ist|est|es))?\s*:?\s*({ADDRESS.pattern})", re.IGNORECASE
)
PRONOUN = re.compile(
    r"(?:them|him|her|they|he|she|it|this|that|us|me|you|ihnen|ihm|ihr|sie|denen|uns|mir|es|leur|lui|eux|elles?|nous|moi|ellos|ellas|él|nosotros|mí)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Empty strings for what is not known."""

    role: str = ""
    name: str = ""
    address: str = ""

    def __bool__(self) -> bool:
        return bool(self.role or self.name or self.address)

    @property
    def label(self) -> str:
        """For a person to read: "dispatcher, Roux Transports"."""
        return ", ".join(item for item in (self.role, self.name) if item) or self.address

    def filled(self, other: "Recipient") -> "Recipient":
        """What `other` says replaces what was known, but a lone address completes it."""
        if not (other.role or other.name):
            return replace(self, address=other.address or self.address)
        return other


@dataclass(frozen=True, slots=True)
class Phrase:
    """A recipient and the place of its words in the text."""

    recipient: Recipient
    start: int
    end: int


def phrase(text: str, start: int = 0) -> Phrase | None:
    """The noun phrase that begins at `start`, read as a recipient; None where no one is named."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    enclosed = ENCLOSED.match(text, begin)
    address = ADDRESS.match(text, enclosed.end() if enclosed else begin)
    if address:
        end = address.end() + bool(enclosed and text[address.end() : address.end() + 1].strip())
        return Phrase(Recipient(address=address.group()), begin, end)
    tokens = list(_tokens(text, begin))
    if not tokens:
        return None
    end = tokens[-1].end()
    recipient = _recipient([token.group() for token in tokens])
    return _with_address(Phrase(recipient, begin, end), text) if recipient else None


def _tokens(text: str, start: int) -> Iterator[re.Match[str]]:
    """The words of a noun phrase, at most nine."""
    previous, content = "", 0
    for match in islice(TOKEN.finditer(text, start), MAX_TOKENS):
        token = match.group()
        bare = token.rstrip(".")
        joins = token in {"&"} and previous[:1].isupper() and FOLLOWING_NAME.match(text, match.end())
        addressed = ADDRESS.match(text, match.start())
        if addressed or (token in BREAKS and not joins) or _ends(bare, previous, content, text, match):
            return
        yield match
        if token != bare and not TITLE.fullmatch(token) and len(bare) > 3:
            return
        content += not _joins(bare)
        previous = bare


def _ends(token: str, previous: str, content: int, text: str, match: re.Match[str]) -> bool:
    if BEFORE_NAME.fullmatch(token):
        return not DETERMINER.fullmatch(token) if content == 0 else not _prepositional(token, text, match)
    if content and token.casefold() in NOBODY:
        return True
    if DETERMINER.fullmatch(token):
        return content > 0 and not BEFORE_NAME.fullmatch(previous)
    return bool(_stops(token) or PRONOUN.fullmatch(token) or (token[:1].isdigit() and content > 0))


def _stops(token: str) -> bool:
    """A capital makes "Sur" a part of a name."""
    return bool(STOP.fullmatch(token)) and (token[:1].islower() or token.isupper())


def _prepositional(token: str, text: str, match: re.Match[str]) -> bool:
    """ "at Roux", "of the carrier", but not "in writing" and "from Monday"."""
    follower = TOKEN.match(text, match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip()))
    if follower is None or follower.group() in PUNCTUATION or ADDRESS.match(text, follower.start()):
        return False
    word = follower.group()
    if _stops(token) and not word[:1].isupper():
        return False
    named = word[:1].isupper() or DETERMINER.fullmatch(word) or ROLE.match(word)
    return bool(named) or token.lower() in {"of", "de", "du", "del"}


def _joins(token: str) -> bool:
    return bool(DETERMINER.fullmatch(token) or BEFORE_NAME.fullmatch(token))


def _recipient(tokens: list[str]) -> Recipient:
    determined = bool(DETERMINER.fullmatch(tokens[0]))
    tokens = _undetermined(tokens)
    while tokens and _joins(tokens[-1]):
        tokens = tokens[:-1]
    if not tokens or (len(tokens) == 1 and tokens[0].lower() in NOBODY):
        return Recipient()
    if not tokens[0][:1].isalpha() and not _known(tokens):
        return Recipient()
    before_names = (i for i, token in enumerate(tokens) if i and BEFORE_NAME.fullmatch(token))
    cut = next((i for i in before_names if _proper(tokens[i + 1 :])), 0)
    if cut:
        head, tail = tokens[:cut], _undetermined(tokens[cut + 1 :])
        if not _known(head):
            return Recipient(name=_joined(tokens))
        headed = _headed(head, determined)
        name = [headed.name, *tokens[cut : cut + 1], *tail] if headed.name else tail
        return Recipient(role=headed.role, name=_joined(name))
    return _headed(tokens, determined)


def _headed(tokens: list[str], determined: bool) -> Recipient:
    """Without "at": "Spedition Brandt", "Roux's dispatcher", "Mr Keller", "the landlord"."""
    if COMPANY.fullmatch(tokens[0]) and len(tokens) > 1:
        return Recipient(name=_joined(tokens[1:]))
    if not _known(tokens):
        whole = _joined(tokens)
        named = tokens[0][:1].isupper() and not determined
        return Recipient(name=whole) if named or TITLE.fullmatch(tokens[0]) else Recipient(role=whole)
    last = max(i for i, token in enumerate(tokens) if ROLE.search(token))
    owner = tokens[0].removesuffix("'s").removesuffix("’s")
    if owner != tokens[0] and owner[:1].isupper() and not ROLE.search(owner):
        return Recipient(role=_joined(tokens[1:]), name=owner)
    tail = tokens[last + 1 :]
    if tail and (tail[0][:1].isupper() or TITLE.fullmatch(tail[0])):
        return Recipient(role=_joined(tokens[: last + 1]), name=_joined(tail))
    if not determined and not ROLE.search(tokens[0]) and all(token[:1].isupper() for token in tokens):
        return Recipient(name=_joined(tokens))  # "Osprey Logistics"
    first = next(i for i, token in enumerate(tokens) if ROLE.search(token))
    # "Halvorsen Freight carrier"; a lone capitalised German noun is no name, so at least the role must be lower case.
    if first and tokens[first][:1].islower() and all(token[:1].isupper() for token in tokens[:first]):
        return Recipient(role=_joined(tokens[first:]), name=_joined(tokens[:first]))
    return Recipient(role=_joined(tokens))


def _known(tokens: list[str]) -> bool:
    return any(ROLE.search(token) for token in tokens)


def _proper(tokens: list[str]) -> bool:
    """Whether a name follows: a capital that is not a German or sentence-initial role word."""
    tokens = _undetermined(tokens)
    return bool(tokens) and tokens[0][:1].isupper() and not ROLE.fullmatch(tokens[0])


def _undetermined(tokens: list[str]) -> list[str]:
    while tokens and DETERMINER.fullmatch(tokens[0]):
        tokens = tokens[1:]
    elided = ELIDED.match(tokens[0]) if tokens else None
    return [tokens[0][elided.end() :], *tokens[1:]] if elided else tokens


def _joined(tokens: list[str]) -> str:
    return shorten(one_line(" ".join(map(_spelled, tokens))).strip(" .'’-"), MAX_LENGTH)


def _spelled(token: str) -> str:
    weak = WEAK_NOUN.fullmatch(token.rstrip("."))
    return (weak["en"] or weak["n"]) if weak else EXPANDED.get(token.lower().rstrip("."), token)


def _with_address(found: Phrase, text: str) -> Phrase:
    """An address in the same breath belongs to it: "Roux (dispatch@roux.example)"."""
    match = BESIDE.match(text, found.end)
    if match is None:
        return found
    return replace(found, recipient=replace(found.recipient, address=match[1]), end=match.end())


def before_name(words: str) -> str:
    """The role alone: "duty manager" of "duty manager at Kestrel"."""
    return re.split(rf"(?<=\w)\s+(?:{BEFORE_NAME.pattern})\s", words, maxsplit=1, flags=re.IGNORECASE)[0]


def mentions(text: str) -> tuple[str, ...]:
    """Roles that the text speaks of, in order, each once: for a question, never for an answer."""
    found = [match.group() for match in ROLE.finditer(text) if len(match.group()) > 3]
    return tuple({word.casefold(): word for word in reversed(found)}.values())[::-1]
