"""Whether the events of a stream arrive as they happen, or together when somebody lets them go."""

import datetime
from contextlib import aclosing
from dataclasses import dataclass

from tests.support.long_task import Watch
from tests.support.wire import Frame

LATE = 0.5
"""The share of its task's length that an event may take to us: both grow on a machine that has much else to do."""
ROWS = 30_000


@dataclass(frozen=True)
class Arrival:
    """Seconds from each state's time stamp to its arrival here, and from the first stamp to the last."""

    delays: list[float]
    span: float

    @property
    def as_it_happened(self) -> bool:
        """What buffers until the end delays the first event by the whole of the span."""
        return max(self.delays) < LATE * self.span


async def arrival(task: Watch) -> Arrival:
    """Of the events of a task that is made for it."""
    found, made = [], []
    async with aclosing(task.send(ROWS)) as events:
        async for frame in events:
            arrived = datetime.datetime.now(datetime.UTC)
            if stamp := stamped(frame):
                made.append(stamp)
                found.append((arrived - stamp).total_seconds())
    assert task.ended
    return Arrival(found, (made[-1] - made[0]).total_seconds())


def stamped(frame: Frame) -> datetime.datetime | None:
    """When it happened; artifacts do not say."""
    stamp = frame.data.get("statusUpdate", frame.data.get("task", {})).get("status", {}).get("timestamp")
    return datetime.datetime.fromisoformat(stamp) if stamp else None
