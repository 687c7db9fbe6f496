"""The order of lists in the journal of one process."""

from collections.abc import Mapping
from itertools import islice

from sortedcontainers import SortedList

from crossdock.tasks.cursor import Position
from crossdock.tasks.journal import TaskFilter
from crossdock.tasks.memory_task import StoredTask


class TaskIndex:
    """Where each of `tasks` stands among its owner's, and among those of its context."""

    def __init__(self, tasks: Mapping[str, StoredTask]) -> None:
        self._tasks = tasks
        self._positions: dict[tuple[str, ...], SortedList[Position]] = {}

    def place(self, stored: StoredTask) -> None:
        for name in stored.indexes:
            self._positions.setdefault(name, SortedList()).add(stored.position)

    def displace(self, stored: StoredTask) -> None:
        """Before its position changes."""
        for name in stored.indexes:
            self._positions[name].remove(stored.position)
            if not self._positions[name]:
                del self._positions[name]

    def found(self, owner: str, wanted: TaskFilter, before: Position | None, most: int) -> list[StoredTask]:
        """The first `most` behind `before`, newest first."""
        behind = self._of(owner, wanted).irange(_least(wanted), before, (True, False), reverse=True)
        found = (self._tasks[item.task_id] for item in behind)
        return list(islice((item for item in found if wanted.state in {None, item.state}), most))

    def count(self, owner: str, wanted: TaskFilter) -> int:
        positions, least = self._of(owner, wanted), _least(wanted)
        if wanted.state is None:
            return len(positions) - int(positions.bisect_left(least))
        return sum(self._tasks[item.task_id].state == wanted.state for item in positions.irange(least))

    def _of(self, owner: str, wanted: TaskFilter) -> "SortedList[Position]":
        return self._positions.get((owner, wanted.context_id) if wanted.context_id else (owner,), SortedList())


def _least(wanted: TaskFilter) -> Position:
    return Position(-(-wanted.after_ns // 1000), "")
