"""The tone that a request asks for."""

from typing import Literal, get_args

from escalation_agent.lexicon import every_language

Tone = Literal["formal", "neutral", "friendly", "firm"]
TONES: tuple[Tone, ...] = get_args(Tone)


def wished_tone(instruction: str) -> str:
    """Of an instruction's own words; empty where it wishes none."""
    found = (tone for tone in TONES for one in every_language() if one.pattern("tone", tone).search(instruction))
    return next(found, "")
