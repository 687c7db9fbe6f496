"""A pipeline at a fixed moment, a Wednesday, and a short way to a draft."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from crossdock.pipeline import DataPart, InputRequired, Part, Result, TextPart
from crossdock.testing import Conversation, request, run_pipeline
from escalation_agent.pipeline import EscalationPipeline

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
Drafting = Callable[..., Awaitable[dict[str, Any]]]
Running = Callable[..., Awaitable[Conversation]]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def pipeline() -> EscalationPipeline:
    return EscalationPipeline(clock=lambda: NOW)


@pytest.fixture
def run(pipeline: EscalationPipeline) -> Running:
    """Runs one turn: `await run("text", DataPart(...), checkpoint=...)`."""

    async def run_turn(*parts: str | Part, using: EscalationPipeline = pipeline, **values: Any) -> Conversation:
        typed = [TextPart(part) if isinstance(part, str) else part for part in parts]
        return await run_pipeline(using, request(typed, **values))

    return run_turn


@pytest.fixture
def draft(run: Running) -> Drafting:
    """The artifact `escalation` of a turn that must end with one."""

    async def drafted(*parts: str | Part, **values: Any) -> dict[str, Any]:
        conversation = await run(*parts, **values)
        assert isinstance(conversation.end, Result), conversation.end
        (part,) = conversation.artifact("escalation")
        assert isinstance(part, DataPart)
        return dict(part.data)

    return drafted


@pytest.fixture
def ask(run: Running) -> Callable[..., Awaitable[str]]:
    """The question of a turn that must end with one."""

    async def asked(*parts: str | Part, **values: Any) -> str:
        conversation = await run(*parts, **values)
        assert isinstance(conversation.end, InputRequired), conversation.end
        return conversation.end.text

    return asked
