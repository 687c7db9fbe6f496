"""Letters say what their facts say and nothing else, in four languages and four tones."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from markdown_it import MarkdownIt

from crossdock.errors import ConfigError, Failed, Rejected
from crossdock.extensions import STYLE
from crossdock.pipeline import DataPart, FilePart
from crossdock.testing import Conversation
from escalation_agent import pipeline as module
from escalation_agent.lexicon import CODES, lexicon
from escalation_agent.pipeline import EscalationPipeline
from escalation_agent.style import CustomerStyle
from escalation_agent.tone import TONES

Drafting = Callable[..., Awaitable[dict[str, Any]]]
Running = Callable[..., Awaitable[Conversation]]

REQUESTS = [
    "Write to the carrier's dispatcher that truck 77 still has not shown up and our line stops at 4pm.",
    "Inform our insurer about the theft of trailer BT 4471 last night in Venlo, goods value 62,000 EUR.",
    "Bitte die Spedition Brandt informieren, dass die Palette 12 fehlt. Frist Freitag 16 Uhr.",
    "Signalez à l'assureur le vol de la remorque AB-123-CD cette nuit à Lille, valeur 45 000 euros.",
    "Avise al jefe de almacén de que faltan 3 cajas en el pedido 991, respuesta antes de las 18:00",
    "Our line is down. Ask the carrier to send truck 4 by Friday 16:00. Severity: critical.",
]
CLAIM = re.compile(r"\d[\d.,:/-]*|(?<![.!?:\n] )(?<!^)(?<!\n)\b[A-ZÄÖÜÉ][\w-]+")


def letter_of(conversation: Conversation) -> str:
    (part,) = conversation.artifact("letter")
    assert isinstance(part, FilePart)
    assert part.media_type == "text/markdown"
    return part.content.decode()


def frame_words() -> set[str]:
    def texts(value: Any) -> list[str]:
        return [value] if isinstance(value, str) else [text for item in value.values() for text in texts(item)]

    return {
        word
        for code in CODES
        for text in texts(lexicon(code).section("letter"))
        for word in re.findall(r"[\w-]+", text)
    }


@pytest.mark.parametrize("text", REQUESTS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("tone", TONES)
async def test_each_number_date_and_name_comes_from_the_input_or_the_frame(
    draft: Drafting, text: str, code: str, tone: str
) -> None:
    data = await draft(text, metadata={STYLE: {"language": code, "tone": tone}})
    frame = frame_words()
    for claim in CLAIM.findall(data["body"]) + CLAIM.findall(data["subject"]):
        assert claim.strip(".,:/-") in text or claim in frame or claim.lower() in text.lower(), claim
    for fact in data["facts"]:
        assert fact["text"].lower().rstrip(".") in text.lower()
        assert fact["text"] in data["body"]


@pytest.mark.parametrize("code", CODES)
async def test_each_tone_has_its_words(draft: Drafting, code: str) -> None:
    bodies = set()
    for tone in TONES:
        data = await draft("Tell the carrier that box 4 is wet", metadata={STYLE: {"language": code, "tone": tone}})
        assert (data["language"], data["tone"]) == (code, tone)
        bodies.add(data["body"])
    assert len(bodies) == len(TONES)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Tell the carrier that box 4 is wet, in German please", "de"),
        ("Sag der Spedition auf Französisch, dass Karton 4 nass ist", "fr"),
        ("Write in Spanish to the carrier that box 4 is wet", "es"),
        ("Tell the carrier that box 4 is wet", "es"),
    ],
)
async def test_a_wish_outweighs_the_customers_language(
    draft: Drafting, now: datetime, text: str, language: str
) -> None:
    spanish = EscalationPipeline({"acme": CustomerStyle(language="es")}, clock=lambda: now)
    data = await draft(text, using=spanish)
    assert data["language"] == language
    assert len(data["facts"]) == 1


async def test_a_wished_tone_outweighs_the_customers(draft: Drafting, now: datetime) -> None:
    formal = EscalationPipeline({"acme": CustomerStyle(tone="formal")}, clock=lambda: now)
    data = await draft("Send a friendly note to the planner: label 4 is wrong", using=formal)
    assert data["tone"] == "friendly"
    data = await draft("Send a note to the planner: label 4 is wrong", using=formal)
    assert data["tone"] == "formal"


async def test_the_signature_stands_below_the_letter(run: Running, draft: Drafting) -> None:
    values: dict[str, Any] = {"metadata": {STYLE: {"signature": "Acme\r\nControl *tower*"}}}
    data = await draft("Tell the carrier that box 4 is wet", **values)
    assert data["body"].endswith("Kind regards\nAcme\nControl *tower*")
    letter = letter_of(await run("Tell the carrier that box 4 is wet", **values))
    assert letter.endswith("Kind regards\\\nAcme\\\nControl \\*tower\\*\n")


@pytest.mark.parametrize(
    "style", ["de", {"language": "nl"}, {"tone": 7}, {"signature": "x" * 501}, {"signature": 7}, {"templates": {}}]
)
async def test_a_bad_style_is_rejected(run: Running, style: Any) -> None:
    with pytest.raises(Rejected, match="style"):
        await run("Tell the carrier that box 4 is wet", metadata={STYLE: style})


def test_the_extensions_name_is_the_shared_one() -> None:
    assert module.STYLE == STYLE


async def test_a_customers_templates(draft: Drafting, now: datetime) -> None:
    style = CustomerStyle(
        templates={
            "subject": "[acme] {{ gist }}",
            "body": "{% for fact in statements %}* {{ fact.text }} ({{ fact.source }})\n{% endfor %}"
            "{{ phrase.closing }}",
            "body.de": "Kurz: {{ statements[0].text if statements else '' }}",
        }
    )
    own = EscalationPipeline({"acme": style}, clock=lambda: now)
    data = await draft("Tell the carrier that box 4 is wet", using=own)
    assert data["subject"] == "[acme] Box 4 is wet"
    assert data["body"] == "* Box 4 is wet (request)\nKind regards"
    data = await draft("Tell the carrier that box 4 is wet, in German", using=own)
    assert data["body"] == "Kurz: Box 4 is wet"


@pytest.mark.parametrize(
    "style",
    [
        CustomerStyle(templates={"body": "{{ unknown }}"}),
        CustomerStyle(templates={"body": "{% for"}),
        CustomerStyle(templates={"subject": "{{ ''.__class__.__mro__ }}"}),
        CustomerStyle(templates={"letter": "x"}),
        CustomerStyle(templates={"body": "{{ 'x' * 500000 }}"}),
        CustomerStyle(language="nl"),
        CustomerStyle(tone="rude"),  # type: ignore[arg-type]
        CustomerStyle(timezone="Nowhere/Land"),
        CustomerStyle(signature="x" * 501),
        CustomerStyle(severity_words={"huge": ("x",)}),  # type: ignore[dict-item]
    ],
)
def test_bad_styles_are_found_at_the_start_and_named(style: CustomerStyle) -> None:
    with pytest.raises(ConfigError, match=r"^acme: "):
        EscalationPipeline({"acme": style})


async def test_a_template_that_fails_on_a_case_fails_the_task(run: Running, now: datetime) -> None:
    template = "{{ 1 // (2 - statements|length) }}"
    own = EscalationPipeline({"acme": CustomerStyle(templates={"body": template})}, clock=lambda: now)
    with pytest.raises(Failed, match="template"):
        await run("Tell the carrier that box 4 is wet. Box 5 too.", using=own)


async def test_times_are_said_where_the_customer_is(draft: Drafting, now: datetime) -> None:
    own = EscalationPipeline({"acme": CustomerStyle(timezone="Europe/Berlin")}, clock=lambda: now)
    data = await draft("Tell the carrier that box 4 is wet. Answer by Friday 16:00.", using=own)
    assert data["deadline"] == "2026-11-20T16:00:00+01:00"


HOSTILE = [
    "{{7*7}} and {% raw %}",
    "{{ config.__class__ }}",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "# heading | table | `code` **bold**",
    "\x1b[31mred\x07 \u202egnp.exe",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_facts_are_inert(run: Running, text: str) -> None:
    conversation = await run(DataPart({"recipient": "the carrier", "facts": [text], "subject": text}))
    letter = letter_of(conversation)
    html = MarkdownIt("commonmark").enable("table").render(letter)
    for live in ("<script", "<a ", "<img", "49", "\x1b", "\x07", "\u202e", "<table", "<strong>bold", "<code"):
        assert live not in html
    assert html.count("<h1>") == 1
    (part,) = conversation.artifact("escalation")
    assert isinstance(part, DataPart)
    assert "49" not in part.data["body"]


async def test_the_letter_has_a_head(run: Running) -> None:
    letter = letter_of(await run("Complaint to the haulier (ops@haul.example): box_4 is wet, urgent"))
    assert letter.startswith(
        "# Important: Complaint: box_4 is wet, urgent\n\n**To:** haulier (ops\\@haul.example)\n\n**Severity:** high\n"
    )


async def test_the_answer_says_that_facts_are_not_translated(run: Running) -> None:
    conversation = await run(
        "Write in German to the carrier that three boxes of the order have been wet since this morning"
    )
    assert "not translated" in getattr(conversation.end, "text", "")
