"""One instruction taken apart: who is written to, what kind of letter, and what of the words is a fact."""

import re
from dataclasses import dataclass, field, replace
from functools import cache

from escalation_agent.closing import closing_grammar
from escalation_agent.lexicon import Lexicon, lexicon
from escalation_agent.lexicon import words as word_pattern
from escalation_agent.recipient import (
    ADDRESS,
    DETERMINER,
    PRONOUN,
    ROLE,
    TITLE,
    Phrase,
    Recipient,
    phrase,
)

EDGE = " \t\n,;:–—-•*"
QUOTED = re.compile(r"^([\"'“„«‘‹])(.+)[\"'”“»’›]([.!?]?)$", re.DOTALL)
BRACKET = re.compile(r"\s*\(([^()]{1,200})\)")
END = r"(?:(?<=['’])|(?!\w))"  # "qu'" ends before a word, too
INDEFINITE = re.compile(r"(?:an?|ein(?:e[nm]?)?|une?|una)\s", re.IGNORECASE)
ENUMERATOR = r"\(?(?:[0-9]{1,2}|[a-h])[.)](?=\s)"
KINDS = ("complaint", "claim", "reminder", "notice")


@dataclass(frozen=True, slots=True)
class Opening:
    """How an instruction begins: its verb, and the text behind it. `task` is work of another agent."""

    task: bool
    verb: str
    rest: str
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Instruction:
    """`topic` is the factual part, verbatim, and its kind one of `Fact.kind`."""

    recipient: Recipient = field(default_factory=Recipient)
    kind: str = ""
    topic: str = ""
    kind_of_topic: str = "statement"
    following: str = ""
    """What is said behind a recipient that the topic stands before."""
    aside: str = ""
    """What stands in brackets behind the recipient; its beginning may be the recipient's name."""
    pronoun: bool = False
    """Whether the recipient is only "them"."""


class InstructionGrammar:
    """Recognises instructions in one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        def source(key: str) -> str:
            return lexicon.source("request", key)

        flags = re.IGNORECASE
        lead = rf"(?:[\s,;:.!*•(–—-]|{ENUMERATOR}|{source('polite')}{END})*"
        kinds = "|".join(lexicon.value("request", "kinds").values())
        self._lead = re.compile(lead, flags)
        self._task = re.compile(rf"{source('task')}(?!\w)", flags)
        self._draft = re.compile(rf"{source('draft')}(?!\w)", flags)
        self._weak = re.compile(rf"{source('weak')}(?!\w)", flags)
        self._direct = re.compile(source("direct"), flags)
        put = rf"(?:{source('pronouns')}\s+(?:in|into|as|en|dans|als)\s+)?"
        self._document = re.compile(rf"\s*{put}{source('objects')}(?:{kinds})(?!\w)", flags)
        self._object = re.compile(rf"\s*{source('objects')}$", flags)
        self._to = re.compile(rf"(?<!\w){lexicon.source('recipient', 'to')}(?!\w)", flags)
        self._topic = re.compile(rf"{source('topic')}{END}|:", flags)
        to, on_behalf = lexicon.source("recipient", "to"), lexicon.source("recipient", "for")
        self._mark = re.compile(rf"(?<!\w)(?:(?P<to>{to})|(?P<for>{on_behalf})|{source('topic')}){END}|:", flags)
        # A filler is dropped only where something else of the frame follows it: "today: 3 boxes", not "today 3 boxes".
        them = rf"{to}\s+{PRONOUN.pattern}"
        word = rf"(?:{source('fillers')}|{source('final')}|{source('pronouns')}|{them})"
        frame = rf"(?=\s*(?:$|[,;:.!?–—]|{source('topic')}{END}|{word}(?![\w'])|{source('objects')}(?:{kinds})(?!\w)))"
        self._filler = re.compile(rf"(?:[\s,;.!–—-]|{word}(?![\w']){frame})+", flags)
        self._framed_document = re.compile(rf"{self._document.pattern}{frame}", flags)
        self._pronoun = re.compile(rf"{source('pronouns')}\s*[:,]\s*", flags)
        self._demand_verbs = re.compile(source("demand_verbs"), flags)
        self._demand = re.compile(source("demand"), flags)
        self._final = re.compile(
            rf"(?P<head>(?:[^,:;.!?]|\.(?=\w))*?)\s*(?<!\w)(?P<verb>{source('final')})(?!\w)(?P<rest>.*)$",
            flags | re.DOTALL,
        )
        self._subordinate = re.compile(rf"{source('subordinate')}(?!\w)", flags)
        self._them = re.compile(rf"(?<!\w){PRONOUN.pattern}(?!\w)", flags)
        self._addressed = re.compile(rf"^\s*{PRONOUN.pattern}(?![\w'])", flags)
        self._closing = closing_grammar(lexicon.code)
        self._prepositional = re.compile(rf"(?:{source('fillers')}\s+)*{self._to.pattern}\s", flags)
        self._adverbs = re.compile(rf"(?:[\s,]|(?:{source('fillers')}|{self._to.pattern})(?!\w))+", flags)
        self._about = re.compile(rf"(?<=\s){source('about')}", flags)
        company = r"(?:(?:la |die |the )?(?:soci[ée]t[ée]|[Ff]irma|company|empresa) )?"
        self._apposition = re.compile(rf"\s*, {company}([A-ZÄÖÜÉ][^,.;:]{{1,60}}),(?=\s*{source('topic')}{END})")
        self._learn = re.compile(rf"\s+{source('learn')}(?!\w)", flags)
        self._kinds = {kind: word_pattern(lexicon.value("request", "kinds")[kind]) for kind in KINDS}
        self._particles = re.compile(rf"(?:\s+{source('particles')}(?!\w))*", flags)

    def opening(self, text: str) -> Opening | None:
        """The instruction that the text begins with, after words of politeness and numbering."""
        lead = self._lead.match(text)
        start = lead.end() if lead else 0
        task, draft = self._task.match(text, start), self._draft.match(text, start)
        if task and not (draft and draft.end() > task.end()):
            return Opening(True, task.group(), text[task.end() :])
        if draft:
            return self._opened(draft, text)
        weak = self._weak.match(text, start)
        if weak and self._drafts(text[weak.end() :], weak.group()):
            return self._opened(weak, text)
        return self._nominal(text, start) or self._verb_last(text, start)

    def is_document(self, words: str) -> bool:
        """Whether they only name what to write: "a formal complaint"."""
        return bool(self._document.fullmatch(words))

    def _opened(self, verb: re.Match[str], text: str) -> Opening:
        particles = self._particles.match(text, verb.end())
        rest = text[particles.end() if particles else verb.end() :].lstrip("-")
        return Opening(False, verb.group(), rest, bool(self._direct.fullmatch(verb.group())))

    def _drafts(self, rest: str, verb: str) -> bool:
        """A weak verb ("send", "need") drafts only a named document, or something for a named recipient."""
        if self._document.match(rest) or self._given(rest):
            return True
        if self._direct.fullmatch(verb):
            found = phrase(rest)
            return found is not None and _addressable(rest, found)
        return self._located(rest) is not None

    def _nominal(self, text: str, start: int) -> Opening | None:
        """ "Complaint to Halvorsen: ..." has no verb at all."""
        document = self._document.match(text, start)
        if document is None:
            return None
        particles = self._particles.match(text, document.end())
        to = self._to.match(text, (particles or document).end() + 1)
        found = phrase(text, to.end()) if to else None
        return Opening(False, "", text[start:]) if found and _addressable(text, found) else None

    def _verb_last(self, text: str, start: int) -> Opening | None:
        """German: "Bitte die Spedition informieren, dass ..."."""
        match = self._final.match(text, start)
        if match is None:
            return None
        head = match["head"]
        if not (text[:start].strip(EDGE) or self._document.match(head) or self._prepositional.match(head)):
            return None
        rest = match["rest"].lstrip(" ,")
        return Opening(False, match["verb"], f" {head} , {rest}" if rest.strip(EDGE + ".!") else head, direct=True)

    def read(self, opening: Opening) -> Instruction:
        found, rest = self._before_demand(self._found(opening), opening), opening.rest
        before, after = (rest[: found.start], rest[found.end :]) if found else ("", rest)
        bracket = (BRACKET.match(after) or self._apposition.match(after)) if found else None
        after = after[bracket.end() :] if bracket else after
        if not found:
            after = self._addressed.sub("", after, count=1)
        named, following = self._peeled(before, True), self._peeled(after, found is None)
        topic = named or following
        framed = rest[: rest.find(topic)] if topic and topic in rest else rest
        return Instruction(
            recipient=_named(found.recipient, bracket) if found else Recipient(),
            aside=ADDRESS.sub("", bracket[1]).strip(EDGE) if bracket and bracket.re is BRACKET else "",
            kind=self._kind(opening.verb + framed),
            topic=unquoted(topic),
            kind_of_topic=self._kind_of(topic, opening.verb),
            following=following if named else "",
            pronoun=found is None and bool(self._them.search(framed)),
        )

    def _kind_of(self, topic: str, verb: str) -> str:
        if self._demand_verbs.fullmatch(verb) and self._demand.match(topic):
            return "demand"
        return "subordinate" if self._subordinate.match(topic) else "statement"

    def _found(self, opening: Opening) -> Phrase | None:
        rest = opening.rest
        if opening.direct and not self._document.match(rest):
            adverbs = self._adverbs.match(rest)
            found = phrase(rest, adverbs.end() if adverbs else 0)
            if found and not self._indefinite(rest[found.start : found.end]):
                return replace(self._without_about(found, rest), start=0)
        given = self._given(rest)
        if given:
            return given
        named = phrase(rest)
        if named and self._learn.match(rest, named.end):
            return named
        return self._located(rest, opening.direct)

    def _before_demand(self, found: Phrase | None, opening: Opening) -> Phrase | None:
        """ "Demandez au transporteur de confirmer": the verb at the end is no part of the recipient."""
        if found is None or not self._demand_verbs.fullmatch(opening.verb):
            return found
        cut = max((mark.start() for mark in self._demand.finditer(opening.rest, found.start + 1, found.end)), default=0)
        to = self._to.match(opening.rest, found.start)
        head = phrase(opening.rest[:cut], to.end() if to else found.start) if cut else None
        return replace(found, recipient=head.recipient, end=head.end) if head else found

    def _given(self, rest: str) -> Phrase | None:
        """ "Send the carrier a claim": a role, and behind it the document."""
        found = phrase(rest)
        named = found is not None and ROLE.search(rest[found.start : found.end])
        return found if found and named and self._document.match(rest, found.end) else None

    def _without_about(self, found: Phrase, rest: str) -> Phrase:
        cut = self._about.search(rest, found.start + 1, found.end)
        about = rest[cut.end() : found.end] if cut else ""
        if cut is None or ROLE.search(about) or about[:1].isupper():
            return found
        return phrase(rest[: cut.start()], found.start) or found

    def _indefinite(self, words: str) -> bool:
        """ "Write a summary": a thing; "inform a colleague" names a role."""
        return bool(INDEFINITE.match(words)) and not ROLE.search(words)

    def _located(self, rest: str, direct: bool = False) -> Phrase | None:
        """The recipient behind "to", or behind "for" when it is a role; not beyond where the topic begins."""
        for mark in self._mark.finditer(rest):
            found = phrase(rest, mark.end())
            found = self._without_about(found, rest) if direct and found else found
            if mark["to"]:
                if found and _addressable(rest, found):
                    return Phrase(found.recipient, mark.start(), found.end)
                continue
            named = found is not None and bool(ROLE.search(rest[found.start : found.end]))
            if mark["for"] and found and named:
                return Phrase(found.recipient, mark.start(), found.end)
            if self._topic.match(rest, mark.start()):
                return self._closing.find(rest, mark.group(), mark.end())
        return None

    def _peeled(self, text: str, behind_verb: bool) -> str:
        """Without what only carries the instruction: the document's name, fillers, and the word before the topic."""
        document = self._document.match(text) if behind_verb else None
        text = text[document.end() :] if document else text
        while True:
            if self._object.match(text):
                return ""
            match = self._framed_document.match(text) or self._filler.match(text)
            if match is None or not match.end():
                break
            text = text[match.end() :]
        topic = self._topic.match(text)
        if topic and not self._subordinate.match(text):
            text = text[topic.end() :].lstrip(EDGE)
            pronoun = self._pronoun.match(text)
            text = text[pronoun.end() :] if pronoun else text
        return text.strip(EDGE)

    def _kind(self, words: str) -> str:
        return next((kind for kind, pattern in self._kinds.items() if pattern.search(words)), "")


def _named(recipient: Recipient, bracket: re.Match[str] | None) -> Recipient:
    """ "The supplier (Tannhof GmbH, order 7741)": a capitalised beginning without digits is the name.

    An address in the brackets is the recipient's.
    """
    address = ADDRESS.search(bracket[1]) if bracket else None
    recipient = replace(recipient, address=address.group()) if address else recipient
    first = bracket[1].split(",")[0].strip() if bracket else ""
    if recipient.name or not first[:1].isupper() or any(letter.isdigit() for letter in first):
        return recipient
    return replace(recipient, name=first)


def unquoted(text: str) -> str:
    match = QUOTED.match(text)
    return match[2] + match[3] if match else text


def _addressable(text: str, found: Phrase) -> bool:
    """Whether the words can be someone: a role, a name, an address, or a noun with an article."""
    words = text[found.start : found.end]
    first = words.split(maxsplit=1)[0]
    return bool(
        ADDRESS.match(words)
        or ROLE.search(words)
        or TITLE.fullmatch(first)
        or DETERMINER.fullmatch(first)
        or words[:1].isupper()
    )


@cache
def instruction_grammar(code: str) -> InstructionGrammar:
    return InstructionGrammar(lexicon(code))
