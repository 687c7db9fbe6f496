"""The port through which tasks are kept and worked: an append-only log for each, owned by one customer.

A task is worked turn by turn: a turn is one message of its caller. Accepted turns wait in one queue per owner; a worker
claims the next one, owners in turns, and holds the task under a lease until the turn is over.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from a2a.types import Message, Task, TaskPushNotificationConfig, TaskState

from crossdock.errors import CrossdockError, TryLater
from crossdock.ids import new_id
from crossdock.tasks.events import Event
from crossdock.tasks.outbox import PushOutbox
from crossdock.tasks.rates import Rates

MIB = 1024 * 1024
PAGE_BYTES = 3 * MIB
"""A page of a list ends before the task that would exceed this: gRPC clients take 4 MiB, if not told more."""


class TaskUnknown(CrossdockError):
    """There is no such task, or it belongs to somebody else: the two look the same."""


class TaskEnded(CrossdockError):
    """The task is in a terminal state and never changes again."""


class LeaseLost(CrossdockError):
    """Somebody else holds the task now: nothing that this holder writes is stored."""


class KeyReused(CrossdockError):
    """The idempotency key belongs to another request."""


class KeyedTaskExpired(CrossdockError):
    """The idempotency key's request was worked, and its task has been forgotten since."""


class QueueFull(TryLater):
    """The owner has as many tasks waiting as it may."""

    def __init__(self) -> None:
        super().__init__("Too many of your tasks are waiting here. Send the message again later.", retry_after=5.0)


class StoreFull(TryLater):
    """The owner's tasks fill the space that it may have."""

    def __init__(self) -> None:
        super().__init__(
            "Your tasks fill the space that you have here. Finished ones are forgotten after a while: send the request "
            "again later, or cancel tasks that wait for you.",
            retry_after=60.0,
        )


class JournalDown(TryLater):
    """The store does not answer, or cannot write."""

    def __init__(
        self,
        text: str = "The task store does not answer. Send the request again in a moment.",
        retry_after: float = 2.0,
    ) -> None:
        super().__init__(text, retry_after)


class JournalFull(JournalDown):
    """The store has no room for anything new. What ends tasks is taken all the same."""

    def __init__(self) -> None:
        super().__init__(
            "The task store is full: nothing new is taken until finished tasks are forgotten. Send the request again "
            "later. Cancels are taken.",
            retry_after=30.0,
        )


class TaskNewer(TryLater):
    """A later release wrote the task, in a way that this one cannot read."""

    def __init__(self) -> None:
        super().__init__(
            "A newer release of this agent has written the task than the replica that you reached. Send the request "
            "again: a replica of that release serves it.",
            retry_after=5.0,
        )


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """Seconds and counts. `idempotency`: how long a key is remembered; `pushes`: one task's push configurations.

    `queued` counts one owner's waiting tasks, `owner_bytes` what its tasks hold: no owner takes another's place.
    """

    lease: float = 3.0
    retention: float = 3600.0
    interrupted: float = 86_400.0
    idempotency: float = 86_400.0
    queued: int = 1_000
    owner_bytes: int = 512 * MIB
    pushes: int = 10


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's key, and the hash of the request that it stands for."""

    key: str
    digest: str


class Entry(NamedTuple):
    """One step of a task's log: `message`, where there is one, is the caller's and joins the history first."""

    event: Event
    message: Message | None = None


class Logged(NamedTuple):
    """An event with its number, and the turn in which it happened."""

    number: int
    turn: int
    event: Event


class Snapshot(NamedTuple):
    """A task as it stood after event number `sequence`. The task is the reader's own copy; `first` is event 1."""

    task: Task
    sequence: int
    owner: str
    first: bytes = b""

    @property
    def accepted(self) -> float:
        """When the task was, in seconds since 1970; 0 where event 1 was not read."""
        return Task.FromString(self.first).status.timestamp.ToMicroseconds() / 1e6


class Lease(NamedTuple):
    """The right to write to a task; `fence` grows with every holder."""

    task_id: str
    owner: str
    fence: int


class Claim(NamedTuple):
    """A task to work on.

    `turn` is what `create` or `follow` was given (empty once the task rests for good), `number` counts it from 1.
    `begun`: its message is in the log already. `lost` counts the holders that vanished over this turn and did not turn
    up again. `over`: no turn is left; the task was claimed to be ended. `seconds` is what is left of the turn's time,
    `canceled` whether its caller cancelled, `resumed` whether another claim of the task came before.
    """

    lease: Lease
    turn: bytes
    number: int
    sequence: int
    begun: bool
    lost: int
    canceled: bool
    over: bool
    seconds: float
    resumed: bool = False


class Accepted(NamedTuple):
    """A stored turn. `claim` is there if the caller may work it at once; `again` if an earlier request had its key.

    `alone`: the owner has no other task in this one's context; without it there may be some.
    """

    task_id: str
    turn: int
    sequence: int
    claim: Claim | None = None
    again: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Renewal:
    """Of the leases that were to be renewed: those that are lost, and those whose task is to be cancelled."""

    lost: frozenset[str] = frozenset()
    canceled: frozenset[str] = frozenset()


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

    Every read is scoped by owner. Writers hold a lease. Nothing is appended behind a terminal event, whoever writes it.
    Every method may raise `JournalDown`, in bounded time.
    """

    durable: bool = False
    """Whether accepted tasks outlive this process."""

    limits: JournalLimits

    outbox: PushOutbox
    """Where the tasks' events go besides."""

    rates: Rates
    """How often owners may ask; what they ask need not be about a task."""

    async def open(self, canceled: Callable[[str], None]) -> None:  # noqa: B027 - not every journal has anything to open
        """Connects. `canceled` is called with the id of each running task whose caller cancels it, on any replica."""

    async def close(self) -> None:  # noqa: B027
        """Lets go of connections; what is stored stays."""

    async def ready(self) -> bool:
        """Whether the store answers."""
        return True

    @property
    def full(self) -> bool:
        """Whether the store had no room for new tasks when it was swept last."""
        return False

    def task_id(self, owner: str, key: IdempotencyKey | None) -> str:
        """An id for a new task."""
        return new_id()

    async def stranded(self) -> list[str]:
        """Ids of the tasks that would be lost with this process."""
        return []

    @abstractmethod
    async def create(
        self,
        owner: str,
        task: Task,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
        push: TaskPushNotificationConfig | None = None,
    ) -> Accepted:
        """Stores a new task and its first turn; when this returns, the task is accepted.

        `seconds` is the turn's time, from now. A `worker` may be given the claim at once, but only while no one waits.
        `push` is told every event, from the first on. Raises `QueueFull`, `StoreFull`, `KeyReused`
        and `KeyedTaskExpired`.
        """

    @abstractmethod
    async def follow(
        self,
        owner: str,
        task_id: str,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
        push: TaskPushNotificationConfig | None = None,
    ) -> Accepted:
        """Stores a further turn; `push` is told what comes from now on.

        Raises `TaskUnknown`, `TaskEnded`, `TooManyPushConfigs` and as `create`.
        """

    @abstractmethod
    async def claim(self, worker: str) -> Claim | None:
        """The next waiting task, owners in turns."""

    @abstractmethod
    async def seize(self, task_id: str, worker: str, *, overdue: bool = False) -> Claim:
        """Takes a task over, whoever holds it. Raises `TaskUnknown` and `TaskEnded`.

        With `overdue` only one that still is, and that nobody holds: else raises `LeaseLost`.
        """

    @abstractmethod
    async def renew(self, leases: Sequence[Lease]) -> Renewal:
        """Keeps leases for another `limits.lease` seconds."""

    @abstractmethod
    async def release(self, lease: Lease, *, give_back: bool = False) -> None:
        """Ends the turn: the task rests, or its next turn waits. With `give_back` the same turn waits again.

        A lease that is lost already is no error.
        """

    @abstractmethod
    async def append(
        self,
        lease: Lease,
        entries: Sequence[Entry],
        *,
        begun: bytes | None = None,
        token: str = "",
        checkpoint: Any = None,
    ) -> int:
        """Appends all entries in one step and returns the last one's number; a repeated `token` appends nothing.

        Entries behind a terminal one are dropped, and a terminal one ends the lease. `begun` replaces the turn's
        bytes: its message is in the log from now on. A `checkpoint` is kept as by `save_checkpoint`. Raises
        `TaskEnded`, `LeaseLost` or `TaskUnknown`.
        """

    @abstractmethod
    async def cancel(self, owner: str, task_id: str, worker: str) -> Claim | None:
        """Asks for a task's end. A claim means that no executor knows of the task: the caller ends it itself.

        Otherwise the holder is told, or a worker is given the task to end it. Raises `TaskUnknown` and `TaskEnded`.
        """

    @abstractmethod
    async def sweep(self) -> list[str]:
        """Gives lost tasks to other workers, forgets expired ones, and returns the ids of those that are overdue.

        After a time without any sweep, in which no lease could be renewed either, holders are spared for one lease.
        """

    @abstractmethod
    async def work(self, seconds: float) -> None:
        """Waits until there may be something to claim, at most `seconds`."""

    @abstractmethod
    async def waiting(self) -> int:
        """How many tasks wait for a free worker, whoever's they are."""

    @abstractmethod
    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        """The task as it stands, or as it stood after event `upto`. Raises `TaskUnknown`."""

    @abstractmethod
    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[Logged]:
        """Events `after`+1 and on, at most `limit`. Raises `TaskUnknown`."""

    @abstractmethod
    async def wait(self, task_id: str, after: int, seconds: float) -> bool:
        """Waits for an event behind number `after`; False when none came in time, or after `end_waits`."""

    @abstractmethod
    def end_waits(self) -> None:
        """Lets all readers go that wait in this process."""

    @abstractmethod
    async def list(
        self, owner: str, wanted: TaskFilter, page_token: str, page_size: int, *, artifacts: bool = False
    ) -> TaskPage:
        """The owner's tasks, latest status first, at most `page_size`, and of more than one not over `PAGE_BYTES`.

        Raises `InvalidParamsError` for a token that is not one.
        """

    @abstractmethod
    async def save_checkpoint(self, lease: Lease, data: Any) -> None:
        """Keeps the executor's last checkpoint (JSON). Raises `TaskUnknown`, `TaskEnded` or `LeaseLost`."""

    @abstractmethod
    async def checkpoint(self, task_id: str) -> Any:
        """What `save_checkpoint` kept last, or None. Raises `TaskUnknown`."""

    @abstractmethod
    async def delete(self, lease: Lease) -> None:
        """Forgets a task and everything that belongs to it; one that is gone is no error.

        Raises `TaskEnded` or `LeaseLost`.
        """
