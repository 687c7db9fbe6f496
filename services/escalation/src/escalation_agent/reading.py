"""A customer's message read as a case: instructions followed, facts kept verbatim."""

import re
from collections.abc import Iterator
from datetime import datetime

from crossdock.errors import Rejected
from escalation_agent.case import Case, Fact
from escalation_agent.deadline import Deadline, deadline_grammar
from escalation_agent.instruction import EDGE, Instruction, InstructionGrammar, Opening, instruction_grammar, unquoted
from escalation_agent.language import spoken, wished
from escalation_agent.lexicon import Lexicon, every_language
from escalation_agent.limits import FACT_CHARACTERS
from escalation_agent.recipient import DETERMINER, LABELLED_ADDRESS, ROLE, Phrase, Recipient, mentions, phrase
from escalation_agent.sentences import read
from escalation_agent.severity import NUMBERED
from escalation_agent.text import sentence as capitalised
from escalation_agent.tone import wished_tone

BOUNDARY = re.compile(
    r"[,;:.!?]\s+|\s[-–—]\s|\s(?=(?:and|&|then|und|dann|et|puis|y|luego|but|so|aber|mais|pero)\s)", re.IGNORECASE
)
WORD = re.compile(r"[\w'’]+")
STYLING = re.compile(r"make|keep", re.IGNORECASE)
CLOSING = frozenset({"", *",.;:(!-–"})
REQUEST = "request"
SHORT_REPLY = 5


class MessageReader:
    """Reads one message in one go. `now` is aware; `language` is what too few words are taken for.

    Raises Rejected for a sentence without end.
    """

    def __init__(self, text: str, now: datetime, source: str = REQUEST, language: str = "en") -> None:
        self._lexicons = spoken(text, language)
        self._grammars = tuple(instruction_grammar(one.code) for one in self._lexicons)
        self._frame = frozenset(word for one in self._lexicons for word in one.value("request", "frame_words"))
        self._writing = read(text)
        if any(len(sentence) > FACT_CHARACTERS for sentence in self._writing.sentences):
            raise Rejected(f"One sentence is longer than {FACT_CHARACTERS:,} characters. Cut it into shorter ones.")
        self._text = text
        self._now = now
        self._source = source

    def case(self, *, answers_recipient: bool = False) -> Case:
        """`answers_recipient`: the message answers the question who is written to, perhaps in two words."""
        case = Case(said=(self._text,), language=wished(self._text) or "").merged(self._headline())
        for number, sentence in enumerate(map(self._without_wish, self._writing.sentences)):
            read = self._labelled(sentence) or self._hinted(sentence) or self._sentence(sentence)
            if answers_recipient and number == 0 and not read.recipient:
                read = self._answer(sentence) or read
            case = case.merged(read)
        address = LABELLED_ADDRESS.search(self._text)
        if address and case.recipient and not case.recipient.address:
            case = case.merged(Case(recipient=Recipient(address=address[1])))
        return case

    def _without_wish(self, sentence: str) -> str:
        for one in every_language():
            sentence = one.wish.sub(" ", sentence)
        return " ".join(sentence.split())

    def facts(self) -> Case:
        """Of a file: everything is a fact, whatever it asks for."""
        facts = tuple(self._fact(sentence) for sentence in self._writing.sentences)
        return Case(facts=facts, cues=self._writing.sentences).merged(self._headline())

    def _headline(self) -> Case:
        subject = self._writing.subject
        return Case(subject=subject, cues=(subject,) if subject else ())

    def _sentence(self, sentence: str) -> Case:
        case = Case()
        pieces = list(self._pieces(sentence))
        instructed = any(opening for _, opening, _ in pieces)
        for words, opening, grammar in pieces:
            if opening is None or not opening.task:
                case = case.merged(Case(cues=(words,)))
            if opening is None or grammar is None:
                if not (instructed and self._matches("conditional", words)):
                    case = case.merged(self._statement(words))
            elif opening.task:
                _, colon, topic = words.partition(":")
                tone = wished_tone(words) if STYLING.match(opening.verb) else ""
                case = case.merged(self._statement(topic) if colon else Case(tone=tone))
            else:
                case = case.merged(self._instruction(words, grammar.read(opening)))
        return case

    def _pieces(self, sentence: str) -> Iterator[tuple[str, Opening | None, InstructionGrammar | None]]:
        """The sentence cut where an instruction begins."""
        start, opening, grammar = 0, *self._opening(sentence)
        for boundary in BOUNDARY.finditer(sentence):
            following, its = self._opening(sentence[boundary.end() :])
            if following and boundary.start() >= start:
                yield sentence[start : boundary.start()], self._cut(opening, sentence, boundary.start()), grammar
                start, opening, grammar = boundary.end(), following, its
        yield sentence[start:], opening, grammar

    def _cut(self, opening: Opening | None, sentence: str, end: int) -> Opening | None:
        if opening is None:
            return None
        surplus = len(sentence) - end
        return Opening(opening.task, opening.verb, opening.rest[: max(0, len(opening.rest) - surplus)], opening.direct)

    def _opening(self, text: str) -> tuple[Opening | None, InstructionGrammar | None]:
        for grammar in self._grammars:
            opening = grammar.opening(text)
            if opening:
                return opening, grammar
        return None, None

    def _instruction(self, words: str, read: Instruction) -> Case:
        deadline = self._deadline(words, instruction=True)
        topic = read.topic.rstrip("? ") if read.topic.endswith("?") else read.topic
        if deadline and topic.startswith(deadline.words):
            topic = topic[len(deadline.words) :].strip(EDGE)
        framing = words.replace(topic, " ") if topic else words
        recipient = read.recipient or (self._meant() if read.pronoun else Recipient())
        case = Case(recipient=recipient, kind=read.kind, deadline=deadline, tone=wished_tone(framing))
        if read.aside:
            case = case.merged(Case(facts=(self._fact(read.aside),)))
        if self._says_something(topic, deadline) and not self._is_empty(topic, deadline):
            fact = self._fact(topic, read.kind_of_topic)
            case = case.merged(Case(facts=(fact,), matter="" if fact.kind == "demand" else fact.text))
        return case.merged(self._statement(read.following)) if read.following else case

    def _meant(self) -> Recipient:
        """Who "them" is, where the message speaks of one party only."""
        found = mentions(self._text)
        return (
            Recipient(role=found[0] if self._lexicons[0].code == "de" else found[0].lower())
            if len(found) == 1
            else Recipient()
        )

    def _statement(self, words: str) -> Case:
        if self._matches("grants", words):
            return self._granted(words)
        deadline = self._deadline(words, instruction=False)
        tone = wished_tone(words)
        bare = unquoted(words.strip(EDGE))
        if self._is_empty(bare, deadline) or not self._says_something(bare, deadline):
            return Case(deadline=deadline, tone=tone)
        return Case(facts=(self._fact(bare),), deadline=deadline)

    def _granted(self, words: str) -> Case:
        """ "They have until Friday to confirm": a deadline, and what is to be done by then."""
        deadline = self._deadline(words, instruction=True)
        if deadline is None:
            return Case(facts=(self._fact(words.strip(EDGE)),))
        demand = words.partition(deadline.words)[2].strip(EDGE).rstrip(".!")
        demanded = self._matches("demand", demand) and not self._is_empty(demand, None)
        return Case(facts=(self._fact(demand, "demand"),) if demanded else (), deadline=deadline)

    def _is_empty(self, topic: str, deadline: Deadline | None) -> bool:
        """ "To reply by Friday", "these deliveries", "a complaint", "what was said"."""
        rest = (topic.replace(deadline.words, " ") if deadline else topic).strip(EDGE + ".!")
        empty = any(re.fullmatch(one.source("request", "empty_topic"), rest, re.IGNORECASE) for one in self._lexicons)
        return empty or self._only_points(rest) or any(grammar.is_document(rest) for grammar in self._grammars)

    def _only_points(self, topic: str) -> bool:
        """Whether each word is one that only points at what stands elsewhere."""
        said = re.findall(r"[^\W_]+", topic)
        return any(all(one.pattern("request", "pointing").fullmatch(word) for word in said) for one in self._lexicons)

    def _labelled(self, sentence: str) -> Case | None:
        """ "Recipient: ...", "To the haulier: ...", "ops@haul.example: ..." """
        for one in every_language():
            label = re.match(rf"\W*{one.source('request', 'addressee')}\s?:\s*", sentence, re.IGNORECASE)
            found = phrase(sentence, label.end()) if label else None
            if found:
                return Case(recipient=found.recipient).merged(self._statement(sentence[found.end :]))
        for one in self._lexicons:
            to = re.match(rf"\W*(?:{one.source('recipient', 'to')}\s+)?", sentence, re.IGNORECASE)
            found = phrase(sentence, to.end()) if to else None
            somebody = found and (found.recipient.address or (to and to[0].strip() and found.recipient.role))
            if found and somebody and sentence[found.end :].lstrip()[:1] == ":":
                return Case(recipient=found.recipient).merged(self._statement(sentence[found.end :]))
        return None

    def _hinted(self, sentence: str) -> Case | None:
        """ "The landlord needs to be told", "the handling agent has to act": the second is a fact besides."""
        found = phrase(sentence)
        if found is None or not ROLE.search(sentence[found.start : found.end]):
            return None
        follower = sentence[found.end :].strip()
        for one in self._lexicons:
            if one.pattern("request", "act").match(follower):
                return Case(recipient=found.recipient).merged(self._sentence(sentence))
            told = one.pattern("request", "told").match(follower)
            if told:
                topic = self._after_topic(one, follower[told.end() :])
                case = Case(recipient=found.recipient)
                if one.pattern("request", "subordinate").match(topic):
                    return case.merged(Case(facts=(self._fact(topic, "subordinate"),), cues=(sentence,)))
                return case.merged(self._sentence(topic))
        return None

    def _after_topic(self, lexicon: Lexicon, text: str) -> str:
        fillers = re.match(rf"(?:[\s,:.]|{lexicon.source('request', 'fillers')}(?!\w))*", text, re.IGNORECASE)
        bare = text[fillers.end() :] if fillers else text
        if lexicon.pattern("request", "subordinate").match(bare):
            return bare
        topic = re.match(rf"{lexicon.source('request', 'topic')}(?!\w)", bare, re.IGNORECASE)
        return bare[topic.end() :].strip(EDGE) if topic else bare

    def _answer(self, sentence: str) -> Case | None:
        """The reply to "Who should this go to?": at least its beginning is the recipient."""
        bare = sentence.strip(EDGE + ".")
        if any(re.fullmatch(one.source("request", "unknown"), bare, re.IGNORECASE) for one in every_language()):
            return Case()
        found = self._addressed(sentence)
        if found is None:
            return None
        words = sentence[found.start : found.end]
        if not (ROLE.search(words) or words[:1].isupper() or len(WORD.findall(bare)) <= SHORT_REPLY or "@" in words):
            return None
        rest = sentence[found.end :].lstrip()
        if rest[:1] not in CLOSING and self._says_something(rest, None):
            return None  # "Truck 9 is missing" names a truck, but nobody to write to
        return Case(recipient=found.recipient).merged(self._statement(rest))

    def _addressed(self, sentence: str) -> Phrase | None:
        start = 0
        for one in every_language():
            lead = re.match(
                rf"\W*(?:{one.source('request', 'polite')}\W+)*(?:{one.source('recipient', 'to')}\s+)?",
                sentence,
                re.IGNORECASE,
            )
            start = max(start, lead.end() if lead else 0)
        return phrase(sentence, start) or phrase(sentence)

    def _deadline(self, words: str, *, instruction: bool) -> Deadline | None:
        found = (deadline_grammar(one.code).find(words, self._now, instruction=instruction) for one in self._lexicons)
        known = [deadline for deadline in found if deadline]
        return next((deadline for deadline in known if deadline.at), known[0] if known else None)

    def _says_something(self, text: str, deadline: Deadline | None) -> bool:
        """Whether more is left than a deadline, a wish about language, tone or severity, and words of courtesy."""
        rest = LABELLED_ADDRESS.sub(" ", text.replace(deadline.words, " ") if deadline else text)
        for one in every_language():
            rest = one.pattern("severity", "explicit").sub(" ", rest)
        for one in self._lexicons:
            for tone in ("formal", "friendly", "neutral", "firm"):
                rest = one.pattern("tone", tone).sub(" ", rest)
            rest = one.pattern("severity", "low").sub(" ", rest)
            rest = one.pattern("request", "polite").sub(" ", rest)
            rest = one.pattern("request", "fillers").sub(" ", rest)
        rest = NUMBERED.sub(" ", rest)
        return any(
            len(word) > 1 and word.lower() not in self._frame and not DETERMINER.fullmatch(word)
            for word in WORD.findall(rest)
        )

    def _matches(self, key: str, words: str) -> bool:
        return any(re.match(one.source("request", key), words.strip(), re.IGNORECASE) for one in self._lexicons)

    def _fact(self, text: str, kind: str = "statement") -> Fact:
        return Fact(capitalised(text) if kind == "statement" else text, self._source, kind)


def recipient_of(words: str) -> Recipient:
    """A recipient stated on its own, as in a data part; whatever the words are, they are taken for one."""
    found = phrase(words)
    return found.recipient if found else Recipient(name=words)
