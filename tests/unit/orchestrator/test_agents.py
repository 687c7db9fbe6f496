from typing import Any, cast

import pytest
from a2a.types import AgentCard, AgentSkill, Message, Part, Role, TaskState, TaskStatus, TaskStatusUpdateEvent
from structlog.testing import capture_logs

from crossdock.client.agent import AgentClient
from crossdock.errors import Unreachable
from crossdock.extensions import PROGRESS
from crossdock.pipeline import Progress
from orchestrator.agents import AgentDirectory, outputs
from orchestrator.catalogue import Catalogue
from orchestrator.preparation import Preparation
from orchestrator.routers.router import Router


@pytest.mark.parametrize(
    ("noted", "fraction"),
    [({"fraction": 0.5}, 0.5), ({"fraction": "half"}, None), ("half", None), ([1], None), ({}, None)],
)
def test_progress_is_taken_from_what_fits_only(noted: Any, fraction: float | None) -> None:
    said = Message(message_id="m", role=Role.ROLE_AGENT, parts=[Part(text="on it")])
    event = TaskStatusUpdateEvent(status=TaskStatus(state=TaskState.TASK_STATE_WORKING, message=said))
    event.metadata.update({PROGRESS: noted})
    assert outputs(event) == [Progress("on it", fraction)]


class Coming:
    """A client of an agent that is away, until it has a card."""

    at_hand = False

    def __init__(self) -> None:
        self.found: AgentCard | None = None

    async def card(self) -> AgentCard:
        if self.found is None:
            raise Unreachable("http://anomaly", 5.0)
        return self.found


async def test_an_agent_that_is_away_is_told_at_once_and_then_every_30_seconds() -> None:
    now = 100.0
    client = Coming()
    directory = AgentDirectory({"anomaly": cast(AgentClient, client)}, {}, clock=lambda: now)
    with capture_logs() as lines:
        for _ in range(130):
            with pytest.raises(Unreachable):
                await directory.catalogue()
            now += 0.5
        client.found = AgentCard(name="anomaly-agent", skills=[AgentSkill(id="detect", name="detect")])
        now += 2.0
        await directory.catalogue()
    told = [(line["event"], line["agent"], line.get("times")) for line in lines]
    assert told == [
        *(("agent_card_missing", "anomaly", times) for times in (None, 61, 121)),
        ("agent_card_back", "anomaly", 130),
    ]
    assert "anomaly" in lines[0]["reason"]


async def test_agents_of_which_none_is_reached_are_told_once() -> None:
    class Nobody:
        async def catalogue(self) -> tuple[Catalogue, tuple[str, ...]]:
            raise Unreachable("The customer's agents", 5.0)

    preparation = Preparation(Nobody(), cast(Router, None))
    with capture_logs() as lines:
        assert all([await preparation._look() for _ in range(20)])
    assert [line["event"] for line in lines] == ["agents_not_reached"]
