"""What becomes of a task whose executor vanished in the middle."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from a2a.types import Task, TaskState

from crossdock.extensions import SKILL
from crossdock.parts import plain


class Resumption(StrEnum):
    """NEVER fails the task, RESTART runs its turn again, CHECKPOINT too, from the executor's last checkpoint."""

    NEVER = "never"
    RESTART = "restart"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Resumptions:
    """By skill; `*` stands for all that are not named, which are never run again without it."""

    skills: Mapping[str, Resumption]

    def of(self, skill: str) -> Resumption:
        return self.skills.get(skill, self.skills.get("*", Resumption.NEVER))

    def __call__(self, task: Task) -> Resumption:
        """A task that nobody began is run; one whose skill is not on record is run only if every skill may be."""
        if task.status.state == TaskState.TASK_STATE_SUBMITTED:
            return Resumption.RESTART
        chosen = plain(task.metadata).get(SKILL)
        if isinstance(chosen, dict):
            return self.of(str(chosen.get("skill")))
        for message in reversed(task.history):
            if isinstance(named := plain(message.metadata).get(SKILL), str):
                return self.of(named)
        modes = {*self.skills.values(), self.of("*")} if "*" in self.skills else set(self.skills.values())
        return Resumption.NEVER if Resumption.NEVER in modes or not modes else Resumption.RESTART
