"""What to ask the caller when a case cannot become a letter yet."""

from escalation_agent.case import Case
from escalation_agent.language import detected
from escalation_agent.lexicon import lexicon
from escalation_agent.recipient import mentions
from escalation_agent.style import CustomerStyle

CANDIDATES = 4


def question(case: Case, style: CustomerStyle) -> str:
    """In the customer's language, naming exactly what is missing; empty when nothing is."""
    said = "\n".join(case.said)
    ask = lexicon(style.language or detected(said)).section("ask")
    if not case.recipient and not case.facts:
        return str(ask["both"])
    if not case.facts:
        return str(ask["matter"]).format(recipient=case.recipient.label)
    if case.recipient:
        return ""
    candidates = mentions(said)[:CANDIDATES]
    if candidates:
        return str(ask["recipient_candidate"]).format(candidates=", ".join(candidates))
    return str(ask["recipient"])
