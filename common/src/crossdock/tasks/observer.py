"""Who is told of a task's states: metrics and logs, kept out of the engine."""

from typing import Protocol

from a2a.types import TaskState


class TaskObserver(Protocol):
    """All methods return at once and raise nothing."""

    def taken_up(self, task_id: str, accepted: float) -> None:
        """This process works a task that another may have accepted, at `accepted` seconds since 1970."""

    def state_changed(
        self, owner: str, task_id: str, context_id: str, state: TaskState, *, passed: bool = False
    ) -> None:
        """`passed`: the task was stored in a further state in the same moment."""

    def fault(self, owner: str, task_id: str, error: BaseException) -> str:
        """Logs an unexpected error and returns the id under which it is in the log."""
        ...
