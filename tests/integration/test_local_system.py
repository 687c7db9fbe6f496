"""`make run` and `make demo` as processes: whatever ends them, no service and no secret is left behind."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from examples.processes import ROOT
from examples.stack import Stack
from tests.support.process_table import MARK, gone, marked, until

SERVICES = 6


@asynccontextmanager
async def started(module: str, folder: Path) -> AsyncIterator[Process]:
    """The example in a folder of its own, on ports that are free. Whatever is left at the end is killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
    environment |= {MARK: str(folder), "PYTHONPATH": str(ROOT), "PORT_OFFSET": str(free_offset(folder))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT
    )
    try:
        yield process
    finally:
        for pid in marked(str(folder)):
            os.kill(pid, signal.SIGKILL)
        await process.wait()


def free_offset(folder: Path) -> int:
    return next(offset for offset in range(21_000, 50_000, 500) if not Stack(folder, offset).taken())


async def services(folder: Path) -> set[int]:
    """The services' ids, once all are started."""
    await until(lambda: len(list(folder.rglob("logs/*.log"))) == SERVICES, 40)
    return marked(str(folder))


def secrets(folder: Path) -> list[Path]:
    return list(folder.rglob("secrets"))


@pytest.mark.parametrize(
    ("module", "number", "status"),
    [
        ("examples.demo", signal.SIGTERM, 128 + signal.SIGTERM),
        ("examples.demo", signal.SIGHUP, 128 + signal.SIGHUP),
        ("examples.run", signal.SIGHUP, 0),
    ],
)
async def test_a_signal_leaves_nothing_behind(tmp_path: Path, module: str, number: int, status: int) -> None:
    async with started(module, tmp_path) as process:
        await services(tmp_path)
        process.send_signal(number)
        async with asyncio.timeout(40):
            await process.communicate()
        assert process.returncode == status
        await until(lambda: not marked(str(tmp_path)), 2)
        assert module == "examples.run" or not secrets(tmp_path)


async def test_services_end_when_the_example_is_killed(tmp_path: Path) -> None:
    async with started("examples.run", tmp_path) as process:
        everyone = await services(tmp_path)
        process.kill()
        await gone(*everyone, seconds=40)
        await until(lambda: not marked(str(tmp_path)), 2)


async def test_ctrl_c_lets_running_tasks_end_with_a_state(tmp_path: Path) -> None:
    slow = tmp_path / "slow.csv"
    rows = (f"{row},{row % 97},{row % 89},7,a{row}" for row in range(100_000))
    slow.write_text("\n".join(["id,quantity,price,value,note", *rows]))
    async with started("examples.run", tmp_path) as process:
        assert process.stdout
        async with asyncio.timeout(60):
            while b"Ctrl-C stops everything" not in await process.stdout.readline():
                pass
        senders = [await send(tmp_path, slow) for _ in range(3)]
        for sender in senders:
            await working(sender)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(40):
            said = [(await sender.communicate())[0].decode() for sender in senders]
            rest, _ = await process.communicate()
        assert process.returncode == 0, rest.decode()
        await until(lambda: not marked(str(tmp_path)), 2)
        for text in said:
            assert "does not answer" not in text
            assert "failed" in text or "completed" in text
        assert "failed" in "".join(said), "the tasks were too short to be stopped"


async def send(folder: Path, file: Path) -> Process:
    crossdock = Path(sys.executable).with_name("crossdock")
    return await asyncio.create_subprocess_exec(
        crossdock,
        "send",
        "--file",
        file,
        "Find the anomalies",
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
    )


async def working(sender: Process) -> None:
    """Until the shared agent has begun."""
    assert sender.stdout
    async with asyncio.timeout(40):
        while line := await sender.stdout.readline():
            if b"working" in line and b"anomaly:" in line:
                return
    raise AssertionError("the task ended before it was worked on")
