"""Severity comes from what is said, not from exclamation marks."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from escalation_agent.lexicon import lexicon
from escalation_agent.pipeline import EscalationPipeline
from escalation_agent.severity import rate
from escalation_agent.style import CustomerStyle

CASES = [
    ("en", "Line 3 is down", "critical"),
    ("en", "our production will stop", "critical"),
    ("en", "vaccines at 11 degrees", "critical"),
    ("en", "forklift hit a rack, nobody hurt", "normal"),
    ("en", "a worker was injured", "critical"),
    ("en", "sev 1", "critical"),
    ("en", "Sev-3 issue, urgent", "normal"),
    ("en", "priority: low, but the vaccines wait", "low"),
    ("en", "trailer stolen in Venlo", "high"),
    ("en", "not urgent", "low"),
    ("en", "urgent, not dramatic", "low"),
    ("en", "WRONG PALLETS!!!", "normal"),
    ("en", "A penalty for late delivery was not agreed", "normal"),
    ("en", "late by 3 days, penalty under clause 5.1 not agreed", "normal"),
    ("en", "The contract does not set a penalty for that", "normal"),
    ("en", "no penalty applies", "normal"),
    ("en", "the penalty was not paid", "high"),
    ("en", "the container was not lost and nothing was stolen", "normal"),
    ("en", "they did not respond, the trailer is lost, stolen perhaps", "high"),
    ("en", "no insulin left", "critical"),
    ("en", "not stolen, but it is urgent", "high"),
    ("de", "Eine Vertragsstrafe wurde nicht vereinbart", "normal"),
    ("de", "keine Vertragsstrafe", "normal"),
    ("de", "steht ohne Kühlung", "high"),
    ("fr", "la pénalité n'a pas été convenue", "normal"),
    ("fr", "rien n'a été volé hier", "normal"),
    ("es", "la penalización no se acordó", "normal"),
    ("es", "no fue robado", "normal"),
    ("es", "no contestan, es urgente", "high"),
    ("en", "order 1 is late", "normal"),
    ("de", "Das Band steht", "critical"),
    ("de", "niemand verletzt, Regal verbogen", "normal"),
    ("de", "Kühlung ausgefallen", "high"),
    ("de", "eilt nicht", "low"),
    ("de", "Priorität: kritisch", "critical"),
    ("fr", "ligne à l'arrêt", "critical"),
    ("fr", "aucun blessé", "normal"),
    ("fr", "pas urgent", "low"),
    ("fr", "c'est urgent", "high"),
    ("es", "parada de línea", "critical"),
    ("es", "sin heridos", "normal"),
    ("es", "no es urgente", "low"),
    ("es", "camión robado", "high"),
]


@pytest.mark.parametrize(("code", "text", "severity"), CASES)
def test_cues(code: str, text: str, severity: str) -> None:
    assert rate([text], [lexicon(code), lexicon("en")], {}).severity == severity


def test_the_cue_is_named() -> None:
    assert rate(["Two vaccines boxes are warm"], [lexicon("en")], {}).words == "vaccines"


async def test_a_customers_own_words_settle_it(draft: Callable[..., Awaitable[dict[str, Any]]], now: datetime) -> None:
    style = CustomerStyle(severity_words={"critical": ("orchids",), "low": ("late",)})
    pipeline = EscalationPipeline({"acme": style}, clock=lambda: now)
    orchids = await draft("Tell the airline that the orchids are late", using=pipeline)
    tulips = await draft("Tell the airline that the tulips are late, urgent", using=pipeline)
    elsewhere = await draft("Tell the airline that the orchids are late", using=pipeline, customer="globex")
    assert (orchids["severity"], tulips["severity"], elsewhere["severity"]) == ("critical", "low", "normal")
