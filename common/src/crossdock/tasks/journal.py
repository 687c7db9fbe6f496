"""The port through which tasks are kept: an append-only log for each, owned by one customer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a.types import Message, Task, TaskState

from crossdock.errors import CrossdockError
from crossdock.tasks.events import Event


class TaskUnknown(CrossdockError):
    """There is no such task, or it belongs to somebody else: the two look the same."""


class TaskEnded(CrossdockError):
    """The task is in a terminal state and never changes again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a task's log: `message`, where there is one, is the caller's and joins the history first."""

    event: Event
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A task as it stood after event number `sequence`. The task is the reader's own copy."""

    task: Task
    sequence: int
    owner: str


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What to list (section 3.1.4); empty fields match everything. `after_ns`: status time, nanoseconds since 1970."""

    context_id: str = ""
    state: TaskState | None = None
    after_ns: int = 0


@dataclass(frozen=True, slots=True)
class TaskPage:
    """`total` counts what the filter matches; `next_token` is empty on the last page."""

    tasks: list[Task] = field(default_factory=list)
    next_token: str = ""
    total: int = 0


class TaskJournal(ABC):
    """Numbers a task's events 1..n without gaps; the first is the Task as accepted.

    Every read is scoped by owner. Writers are trusted code that was handed the task's id by the engine. Nothing is
    appended behind a terminal event, whoever writes it.
    """

    durable: bool = False
    """Whether accepted tasks outlive this process."""

    @abstractmethod
    async def create(self, owner: str, task: Task) -> None:
        """Stores a new task; when this returns, the task is accepted."""

    @abstractmethod
    async def append(self, task_id: str, entries: Sequence[Entry]) -> int:
        """Appends all entries in one step and returns the last one's number.

        Entries behind a terminal one are dropped. Raises `TaskEnded` or `TaskUnknown`.
        """

    @abstractmethod
    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        """The task as it stands, or as it stood after event `upto`. Raises `TaskUnknown`."""

    @abstractmethod
    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[tuple[int, Event]]:
        """Events `after`+1 and on, with their numbers, at most `limit`. Raises `TaskUnknown`."""

    @abstractmethod
    async def wait(self, task_id: str, after: int, seconds: float) -> bool:
        """Waits for an event behind number `after`; False when none came in time."""

    @abstractmethod
    async def list(self, owner: str, wanted: TaskFilter, page_token: str, page_size: int) -> TaskPage:
        """The owner's tasks, latest status first. Raises `InvalidParamsError` for a token that is not one."""

    @abstractmethod
    async def save_checkpoint(self, task_id: str, data: Any) -> None:
        """Keeps the executor's last checkpoint (JSON). Raises `TaskUnknown`."""

    @abstractmethod
    async def checkpoint(self, task_id: str) -> Any:
        """What `save_checkpoint` kept last, or None."""

    @abstractmethod
    async def delete(self, task_id: str) -> None:
        """Forgets a task and everything that belongs to it."""
