"""Whatever is sent, the agent answers, asks or rejects; its drafts are well formed and carry their facts."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.errors import Rejected
from crossdock.pipeline import DataPart, FilePart, InputRequired, Part, Result, TextPart
from crossdock.testing import Conversation, request, run_pipeline
from escalation_agent.pipeline import EscalationPipeline
from escalation_agent.sentences import read
from escalation_agent.severity import SEVERITIES
from escalation_agent.text import clean

PIPELINE = EscalationPipeline(clock=lambda: datetime(2026, 11, 18, 9, 30, tzinfo=UTC))
VOCABULARY = (
    "write to the carrier that dispatcher at Roux , : . ( ) \n box 4 is wet until Friday 16:00 by 15th please Bitte "
    "an die Spedition Brandt schreiben dass Frist écrivez au transporteur que l'assureur avant redacta una queja a "
    "la naviera antes de las 10 urgent sev 1 ops@roux.example in German Subject: To: Von: > - ' “ {{7*7}} <b> & # them"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=40).map(" ".join))
KNOWN_KEYS = ["facts", "recipient", "deadline", "severity", "records", "summary", "quotes", "found", "row", "reasons"]
KEYS = st.text(max_size=8) | st.sampled_from(KNOWN_KEYS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def answered(*parts: Part, checkpoint: Any = None) -> Conversation | None:
    """None for a rejection; anything else that is raised fails the test."""
    with suppress(Rejected):
        return asyncio.run(run_pipeline(PIPELINE, request(parts, checkpoint=checkpoint)))
    return None


def check(conversation: Conversation | None) -> None:
    if conversation is None:
        return
    if isinstance(conversation.end, InputRequired):
        assert conversation.end.text
        return
    assert isinstance(conversation.end, Result)
    assert conversation.artifact_names == ["escalation", "letter", "message.eml"]
    data, mail = conversation.artifact("escalation")[0], conversation.artifact("message.eml")[0]
    assert isinstance(data, DataPart)
    assert isinstance(mail, FilePart)
    check_data(data.data)
    message = message_from_bytes(mail.content, _class=EmailMessage, policy=policy.default)
    assert str(message["Subject"]) == data.data["subject"]
    assert message.get_content().replace("\r\n", "\n").rstrip() == data.data["body"].rstrip()


def check_data(data: dict[str, Any]) -> None:
    assert data["severity"] in SEVERITIES
    assert any(data["recipient"].values())
    assert data["facts"]
    assert all(fact["text"] and fact["source"] for fact in data["facts"])
    assert "\n" not in data["subject"]
    for fact in data["facts"]:
        assert " ".join(fact["text"].split()) in data["body"]


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_any_text(text: str) -> None:
    check(answered(TextPart(text)))


@given(TEXTS, JSON)
@settings(max_examples=150, deadline=None)
def test_any_data(text: str, data: Any) -> None:
    check(answered(TextPart(text), DataPart(data)))


@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.md", "a.eml", "a.bin", ""]))
@settings(max_examples=150, deadline=None)
def test_any_file(content: bytes, name: str) -> None:
    check(answered(TextPart("Write to the carrier"), FilePart(name, "application/octet-stream", content)))


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_a_question_is_answered_by_a_recipient(text: str) -> None:
    first = answered(TextPart("Box 4 is wet. Please escalate."))
    assert first is not None
    checkpoint = next(output.data for output in first.outputs if hasattr(output, "data"))
    check(answered(TextPart(text), checkpoint=checkpoint))


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_sentences_are_pieces_of_the_text(text: str) -> None:
    # The marks of a quoted mail are not its words: lines behind them are joined.
    whole = "".join(clean(text).replace(">", "").split())
    for sentence in read(clean(text)).sentences:
        assert "".join(sentence.replace(">", "").split()) in whole
