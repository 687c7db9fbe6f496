"""Text that a request brings along, as it would bring a file: "Add this contract: ..."."""

import re

from orchestrator.language.clauses import clauses
from orchestrator.language.lexicon import Lexicon

OPENING = re.compile(r"\A\s*[^\n:]{1,150}[:\n]")
LEAST_WORDS = 15


def without_pasted(text: str, lexicon: Lexicon) -> str:
    """The words that tell to keep an agreement, where that agreement follows; else the whole text."""
    opening = OPENING.match(text)
    if not opening or len(text[opening.end() :].split()) < LEAST_WORDS:
        return text
    meant = frozenset[str]().union(*(clause.concepts for clause in clauses(opening.group(), lexicon)))
    return opening.group() if {"act.keep", "matter.agreement"} <= meant else text
