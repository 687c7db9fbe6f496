"""How services start: warm, and never with tasks that replicas cannot share."""

import statistics
import time
from typing import Any

import pytest

from tests.support.long_task import COMPLETED, long_message
from tests.support.operated import Operated

FIRST = 3.0
"""Seconds of a first task, with a small table, after a start."""
HOLDING = "grep -ls sklearn /proc/[0-9]*/maps | wc -l"
"""How many processes have loaded what the first task needs."""
WITHOUT_STORE = "env -u CROSSDOCK_REDIS_NODES CROSSDOCK_REPLICAS=2 service 2>&1; echo $?"


async def seconds(system: Operated[Any], name: str, client: str) -> float:
    """Of a small task, from its request to its end."""
    caller = await system.rest(name, client)
    began = time.monotonic()
    answer = await caller.call("SendMessage", long_message(rows=200))
    assert answer.task["status"]["state"] == COMPLETED, answer.task["status"]
    return time.monotonic() - began


@pytest.mark.timeout(180)
async def test_cold_start_the_first_task_is_as_fast_as_any(system: Operated[Any]) -> None:
    """Who is ready is warm: the first task waits for no import and no child process."""
    usual = statistics.median([await seconds(system, "anomaly", "acme-orchestrator") for _ in range(3)])
    await system.restart("anomaly")
    assert all([await imported(system, each) for each in await system.replicas("anomaly")])
    first = await seconds(system, "anomaly", "acme-orchestrator")
    print(f"\nfirst task after a start: {first:.2f} s; as usual: {usual:.2f} s")
    assert first < FIRST + usual


async def imported(system: Operated[Any], replica: Any) -> bool:
    return int(await system.execute(replica, "sh", "-c", HOLDING)) > 0


async def test_keycloak_waits_for_no_folder(system: Operated[Any]) -> None:
    """That of its transaction manager: on a read-only root it tries for ten seconds, four times over."""
    (keycloak,) = await system.replicas("keycloak")
    said = await system.logs(keycloak)
    assert "started in" in said
    assert "ARJUNA048006" not in said


async def test_in_memory_store_with_several_workers_is_refused(system: Operated[Any]) -> None:
    """The service, as it is set up here but for its store."""
    (replica, *_) = await system.replicas("escalation")
    said = await system.execute(replica, "sh", "-c", WITHOUT_STORE)
    assert "2 replicas can share their tasks only over Redis" in said
    assert "Set CROSSDOCK_REDIS_NODES, or run one." in said
    assert "Traceback" not in said
    assert said.split()[-1] == "2"
