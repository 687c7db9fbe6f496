"""Who is told of a task's states: metrics and logs, kept out of the engine."""

from typing import Protocol

from a2a.types import TaskState


class TaskObserver(Protocol):
    """Both methods return at once and raise nothing."""

    def state_changed(self, owner: str, task_id: str, context_id: str, state: TaskState) -> None: ...

    def fault(self, owner: str, task_id: str, error: BaseException) -> str:
        """Logs an unexpected error and returns the id under which it is in the log."""
        ...
