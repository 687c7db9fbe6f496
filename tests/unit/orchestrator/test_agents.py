from typing import Any

import pytest
from a2a.types import Message, Part, Role, TaskState, TaskStatus, TaskStatusUpdateEvent

from crossdock.extensions import PROGRESS
from crossdock.pipeline import Progress
from orchestrator.agents import outputs


@pytest.mark.parametrize(
    ("noted", "fraction"),
    [({"fraction": 0.5}, 0.5), ({"fraction": "half"}, None), ("half", None), ([1], None), ({}, None)],
)
def test_progress_is_taken_from_what_fits_only(noted: Any, fraction: float | None) -> None:
    said = Message(message_id="m", role=Role.ROLE_AGENT, parts=[Part(text="on it")])
    event = TaskStatusUpdateEvent(status=TaskStatus(state=TaskState.TASK_STATE_WORKING, message=said))
    event.metadata.update({PROGRESS: noted})
    assert outputs(event) == [Progress("on it", fraction)]
