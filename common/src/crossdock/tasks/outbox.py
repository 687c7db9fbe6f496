"""The port through which a task's events reach its webhooks. The task's log is the outbox: nothing is copied.

A push configuration has a cursor, the number of the last event that its webhook took. It is due when the log goes on
behind the cursor; whoever claims it delivers under a short lease, in the log's order.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

from a2a.types import TaskPushNotificationConfig

from crossdock.errors import CrossdockError, Rejected
from crossdock.ids import new_id
from crossdock.tasks.events import copied


class PushConfigUnknown(CrossdockError):
    """The task has no such configuration."""


class TooManyPushConfigs(Rejected):
    """The task has as many configurations as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A task has at most {limit} push configurations. Delete one of this task's first.")


def addressed(config: TaskPushNotificationConfig, task_id: str) -> TaskPushNotificationConfig:
    """A copy as it is kept: with its task's id, and with one of its own."""
    kept = copied(config)
    kept.ClearField("tenant")
    kept.id = kept.id or new_id()
    kept.task_id = task_id
    return kept


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed configuration. `sent` is its cursor; `attempts` counts the failures since the last success."""

    owner: str
    task_id: str
    config: TaskPushNotificationConfig
    fence: int
    sent: int
    attempts: int


class PushOutbox(ABC):
    """Every method may raise `JournalDown`, in bounded time. Configurations vanish with their task."""

    @abstractmethod
    async def save(self, owner: str, config: TaskPushNotificationConfig) -> None:
        """Adds the configuration to its task, or replaces the one with its id, which goes on where that one stood.

        A new one gets the events from now on; on a task that has ended, its last event. One that was dead lives again.
        Raises `TaskUnknown` and `TooManyPushConfigs`.
        """

    @abstractmethod
    async def list(self, owner: str, task_id: str) -> list[TaskPushNotificationConfig]:
        """Those alive, in the order of their ids. Raises `TaskUnknown`."""

    @abstractmethod
    async def get(self, owner: str, task_id: str, config_id: str) -> TaskPushNotificationConfig:
        """Dead or alive. Raises `TaskUnknown` and `PushConfigUnknown`."""

    @abstractmethod
    async def delete(self, owner: str, task_id: str, config_id: str) -> None:
        """One that is not there is no error. Raises `TaskUnknown`."""

    @abstractmethod
    async def claim(self, seconds: float, busy: Collection[str] = ()) -> Delivery | None:
        """What has been due longest, of an owner who is not `busy`; nobody else gets it for so many seconds."""

    @abstractmethod
    async def advance(self, delivery: Delivery, number: int, seconds: float) -> bool:
        """Event `number` is delivered; the lease holds on. False where it is lost: then nothing more may be sent."""

    @abstractmethod
    async def settle(self, delivery: Delivery) -> None:
        """Ends the claim: the configuration rests, or is due again where its log goes on. A lost lease is no error."""

    @abstractmethod
    async def postpone(self, delivery: Delivery, attempts: int, seconds: float) -> None:
        """Ends the claim after a failure: the next attempt is due in so many seconds."""

    @abstractmethod
    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Ends the claim for good: the configuration is kept, and nothing is sent to it until it is saved again."""

    @abstractmethod
    async def work(self, seconds: float) -> None:
        """Waits until something may have become due, at most `seconds`."""

    @abstractmethod
    def wake(self) -> None:
        """Lets `work` return."""
