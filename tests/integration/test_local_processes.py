"""How the examples start and end services: in order, within a bound, and never outlived by one."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.processes import ROOT, Processes
from tests.support.process_table import gone, until

STUBBORN = "tests.support.stubborn"


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    made = Processes(tmp_path / "logs", stop_seconds=5.0)
    yield made
    made.kill()
    leave_no_child(tmp_path)


def leave_no_child(folder: Path) -> None:
    for record in folder.glob("*.ids"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child_of(record), signal.SIGKILL)


async def written(record: Path) -> int:
    """The id of the service's child, once the service is up."""
    await until(record.exists)
    return child_of(record)


def child_of(record: Path) -> int:
    return int(record.read_text().split()[0])


def end(record: Path) -> float:
    return float(record.read_text().rsplit("ended ", 1)[1])


async def test_the_called_is_stopped_after_its_caller_has_ended(tmp_path: Path, processes: Processes) -> None:
    caller, called = tmp_path / "caller.ids", tmp_path / "called.ids"
    processes.start("caller", [STUBBORN, str(caller), "0.5"], {})
    processes.start("called", [STUBBORN, str(called), "0"], {})
    children = [await written(caller), await written(called)]
    await processes.stop([["caller", "of another system"], ["called"]])
    assert end(caller) < end(called)
    await gone(*children)
    assert len(processes) == 0


async def test_one_that_does_not_heed_is_killed_with_its_children(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "logs", stop_seconds=0.3)
    processes.start("deaf", [STUBBORN, str(tmp_path / "ids")], {})
    child = await written(tmp_path / "ids")
    await processes.stop([["deaf"]])
    await gone(child)


async def test_a_stop_that_takes_long_can_be_cut_short(tmp_path: Path, processes: Processes) -> None:
    processes.start("slow", [STUBBORN, str(tmp_path / "slow.ids"), "60"], {})
    child = await written(tmp_path / "slow.ids")
    stopping = asyncio.create_task(processes.stop([["slow"]]))
    await asyncio.sleep(0)
    begun = time.monotonic()
    processes.kill()
    await stopping
    assert time.monotonic() - begun < 4.0
    await gone(child)


async def test_a_service_ends_when_its_starter_is_killed(tmp_path: Path, processes: Processes) -> None:
    record = tmp_path / "orphan.ids"
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.starter", tmp_path, STUBBORN, record, "0", cwd=ROOT
    )
    await written(record)
    starter.kill()
    await starter.wait()
    await until(lambda: "ended" in record.read_text(), 10)
