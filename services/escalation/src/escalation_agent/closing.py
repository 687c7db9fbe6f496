"""A recipient behind the topic: "a complaint about the late trucks to the carrier's manager"."""

import re
from functools import cache

from escalation_agent.lexicon import Lexicon, lexicon, words
from escalation_agent.recipient import ADDRESS, ROLE, TITLE, Phrase, before_name, phrase

BEHIND = frozenset(",.;:(!–-")


class ClosingGrammar:
    """Recognises in one language who the last words of an instruction name."""

    def __init__(self, lexicon: Lexicon) -> None:
        by = (lexicon.source("deadline", key) for key in ("by", "weak_by"))
        self._by = re.compile(rf"(?:{'|'.join(by)})(?!\w)", re.IGNORECASE)
        self._to = lexicon.pattern("recipient", "to")
        self._named_thing = re.compile(lexicon.source("request", "named_thing"), re.IGNORECASE)
        self._clause = words(lexicon.source("request", "clause"))
        self._place = words(lexicon.source("recipient", "places"))

    def find(self, text: str, topic: str, start: int) -> Phrase | None:
        """Of a text whose topic is opened by the word `topic` and begins at `start`.

        Only behind a topic that is a thing, and never a place: "the late delivery to our warehouse" goes to nobody.
        """
        if not self._named_thing.fullmatch(topic):
            return None
        for mark in reversed(list(self._to.finditer(text, start))):
            thing, found = text[start : mark.start()].strip(), phrase(text, mark.end())
            if found and thing and not self._clause.search(thing) and self._is_last(text, found):
                return Phrase(found.recipient, mark.start(), found.end)
        return None

    def _is_last(self, text: str, found: Phrase) -> bool:
        behind = text[found.end :].lstrip()
        return self._is_person(text, found) and bool(not behind or behind[0] in BEHIND or self._by.match(behind))

    def _is_person(self, text: str, found: Phrase) -> bool:
        head = before_name(text[found.start : found.end])
        role = ROLE.search(head) and not self._place.search(head)
        return bool(role or ADDRESS.search(head) or TITLE.match(head))


@cache
def closing_grammar(code: str) -> ClosingGrammar:
    return ClosingGrammar(lexicon(code))
