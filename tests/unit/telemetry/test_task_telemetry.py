"""What is logged and counted of a task's life."""

import time

import pytest
from a2a.types import TaskState
from structlog.testing import capture_logs

from crossdock.telemetry.metrics import Metrics
from crossdock.telemetry.tasks import MOST, TaskTelemetry

STATES = ["submitted", "working", "completed", "failed", "canceled", "rejected", "input_required", "auth_required"]


def state(name: str) -> TaskState:
    value: TaskState = getattr(TaskState, f"TASK_STATE_{name.upper()}")
    return value


@pytest.mark.parametrize("name", STATES)
def test_each_state_is_logged_and_counted(name: str) -> None:
    metrics = Metrics("anomaly-agent")
    with capture_logs() as logs:
        TaskTelemetry(metrics).state_changed("acme", "task-1", "context-1", state(name))
    (line,) = logs
    assert line["event"] == f"task_{name}"
    assert line["log_level"] == ("debug" if name == "submitted" else "info")
    assert (line["task_id"], line["context_id"]) == ("task-1", "context-1")
    assert (line["agent"], line["customer"]) == ("anomaly-agent", "acme")
    labels = {"agent": "anomaly-agent", "customer": "acme", "state": name}
    assert metrics.registry.get_sample_value("crossdock_tasks_total", labels) == 1


def test_the_time_from_acceptance_to_the_end_is_measured_once() -> None:
    metrics = Metrics("anomaly-agent")
    telemetry = TaskTelemetry(metrics)
    for name in ("submitted", "working", "completed"):
        telemetry.state_changed("acme", "task-1", "c", state(name))
    labels = {"agent": "anomaly-agent", "customer": "acme", "state": "completed"}
    assert metrics.registry.get_sample_value("crossdock_task_seconds_count", labels) == 1
    assert telemetry._accepted == {}


def test_the_time_of_a_task_that_another_process_accepted_is_measured_too() -> None:
    metrics = Metrics("anomaly-agent")
    telemetry = TaskTelemetry(metrics)
    telemetry.taken_up("task-1", time.time() - 60)
    telemetry.taken_up("task-1", time.time())  # a further turn
    telemetry.state_changed("acme", "task-1", "c", state("completed"))
    labels = {"agent": "anomaly-agent", "customer": "acme", "state": "completed"}
    assert 60 <= (metrics.registry.get_sample_value("crossdock_task_seconds_sum", labels) or 0) < 70
    assert telemetry._accepted == {}


def test_tasks_that_end_elsewhere_are_not_remembered_for_ever() -> None:
    telemetry = TaskTelemetry(Metrics("anomaly-agent"))
    for number in range(MOST + 10):
        telemetry.taken_up(f"task-{number}", time.time())
    assert len(telemetry._accepted) == MOST
    assert "task-9" not in telemetry._accepted


def test_a_fault_is_logged_under_an_id_of_its_own() -> None:
    telemetry, error = TaskTelemetry(Metrics("anomaly-agent")), RuntimeError("hunter2")
    with capture_logs() as logs:
        first, second = telemetry.fault("acme", "task-1", error), telemetry.fault("acme", "task-1", error)
    assert first != second
    assert [line["error_id"] for line in logs] == [first, second]
    assert (logs[0]["task_id"], logs[0]["customer"], logs[0]["exc_info"]) == ("task-1", "acme", error)


def test_each_service_has_its_own_registry() -> None:
    first, second = Metrics("a"), Metrics("a")
    first.rejections.labels("a", "missing").inc()
    labels = {"agent": "a", "reason": "missing"}
    assert first.registry.get_sample_value("crossdock_auth_rejections_total", labels) == 1
    assert second.registry.get_sample_value("crossdock_auth_rejections_total", labels) is None
