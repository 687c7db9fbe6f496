"""Logs and counts what happens to tasks."""

import functools
import time
import uuid
from typing import cast

import structlog
from a2a.types import TaskState

from crossdock.tasks.events import TERMINAL, state_name
from crossdock.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
NAMES = {number: state_name(cast(TaskState, number)) for number in TaskState.values()}
EVENTS = {state: f"task_{name}" for state, name in NAMES.items()}
SUBMITTED = TaskState.TASK_STATE_SUBMITTED
MOST = 10_000
"""So many tasks are remembered: of one that ends in another process, this one does not hear."""


class TaskTelemetry:
    """The `TaskObserver` of every service."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._accepted: dict[str, float] = {}
        # Their search for the counter of some labels takes longer than the counting.
        self._count = functools.cache(functools.partial(metrics.tasks.labels, metrics.agent))
        self._seconds = functools.cache(functools.partial(metrics.task_seconds.labels, metrics.agent))

    def state_changed(
        self, owner: str, task_id: str, context_id: str, state: TaskState, *, passed: bool = False
    ) -> None:
        name = NAMES[state]
        self._count(owner, name).inc()
        if state == SUBMITTED:
            self._remember(task_id, time.monotonic())
        fields = {}
        if state in TERMINAL and (accepted := self._accepted.pop(task_id, None)) is not None:
            seconds = time.monotonic() - accepted
            self._seconds(owner, name).observe(seconds)
            fields["seconds"] = round(seconds, 3)
        # What comes next says these, too. Not so who works it: if that replica dies, only its line tells which it was.
        (log.debug if passed or state == SUBMITTED else log.info)(
            EVENTS[state],
            task_id=task_id,
            context_id=context_id,
            agent=self._metrics.agent,
            customer=owner,
            **fields,
        )

    def taken_up(self, task_id: str, accepted: float) -> None:
        if task_id not in self._accepted:
            self._remember(task_id, time.monotonic() - max(0.0, time.time() - accepted))

    def _remember(self, task_id: str, accepted: float) -> None:
        self._accepted[task_id] = accepted
        if len(self._accepted) > MOST:
            del self._accepted[next(iter(self._accepted))]

    def fault(self, owner: str, task_id: str, error: BaseException) -> str:
        error_id = uuid.uuid4().hex[:12]
        log.error(
            "task_fault",
            error_id=error_id,
            task_id=task_id,
            agent=self._metrics.agent,
            customer=owner,
            exc_info=error,
        )
        return error_id
