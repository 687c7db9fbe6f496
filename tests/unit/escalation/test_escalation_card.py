"""The card names the one skill, with examples that the agent itself understands."""

from collections.abc import Awaitable, Callable

import pytest

from crossdock.pipeline import InputRequired, Result
from crossdock.testing import Conversation
from escalation_agent.card import EXAMPLES, card
from escalation_agent.language import detected
from escalation_agent.pipeline import SKILL, EscalationPipeline


def test_the_card_declares_the_pipelines_skill() -> None:
    made = card(url="http://localhost:8004", issuer="http://localhost:8009", version="1.2.3")
    assert made.name == "escalation-agent"
    assert made.version == "1.2.3"
    assert [skill.id for skill in made.skills] == list(EscalationPipeline.skills) == [SKILL]
    (skill,) = made.skills
    assert 15 <= len(skill.examples) <= 20
    assert len(set(skill.examples)) == len(skill.examples)
    assert set(skill.output_modes) >= {"application/json", "text/markdown", "message/rfc822"}
    assert {detected(example) for example in skill.examples} == {"en", "de", "fr", "es"}


@pytest.mark.parametrize("example", EXAMPLES)
async def test_each_example_is_understood(run: Callable[..., Awaitable[Conversation]], example: str) -> None:
    conversation = await run(example)
    assert isinstance(conversation.end, Result | InputRequired)
    if isinstance(conversation.end, InputRequired):
        assert example.startswith("Turn these findings")  # the one that comes with artifacts
