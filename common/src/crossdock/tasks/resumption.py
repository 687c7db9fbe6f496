"""What becomes of a task whose executor vanished in the middle."""

from enum import StrEnum


class Resumption(StrEnum):
    """NEVER fails the task, RESTART runs its turn again, CHECKPOINT too, from the executor's last checkpoint."""

    NEVER = "never"
    RESTART = "restart"
    CHECKPOINT = "checkpoint"
