"""Whether the events of a stream arrive as they happen, or together when somebody lets them go."""

import datetime
from contextlib import aclosing

from tests.support.long_task import Watch
from tests.support.wire import Frame

LATE = 1.5
"""Seconds that an event may take from its agent to us on a machine that has much else to do."""
ROWS = 30_000


async def delays(task: Watch, rows: int) -> list[float]:
    """How long after its own time stamp each event of a state arrived."""
    found, made = [], []
    async with aclosing(task.send(rows)) as events:
        async for frame in events:
            arrived = datetime.datetime.now(datetime.UTC)
            if stamp := stamped(frame):
                made.append(stamp)
                found.append((arrived - stamp).total_seconds())
    assert task.ended
    assert (made[-1] - made[0]).total_seconds() > LATE + 0.5, "the task is too short to tell"
    return found


def stamped(frame: Frame) -> datetime.datetime | None:
    """When it happened; artifacts do not say."""
    stamp = frame.data.get("statusUpdate", frame.data.get("task", {})).get("status", {}).get("timestamp")
    return datetime.datetime.fromisoformat(stamp) if stamp else None


def arrived_as_they_happened(found: list[float]) -> bool:
    return max(found) < LATE
