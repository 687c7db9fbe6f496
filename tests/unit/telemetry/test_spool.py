"""Log lines that wait for others: none is lost, none overtakes another."""

import asyncio
import io
import json
import subprocess
import sys
import threading
from typing import Any

import pytest
import structlog

from crossdock.telemetry.spool import MOST, Spool
from tests.support.logs import logged


class Counted(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


async def test_lines_of_a_moment_leave_in_one_write() -> None:
    stream = Counted()
    spool = Spool(stream, seconds=0.001)
    for line in "abc":
        spool.add(line)
    assert stream.getvalue() == ""
    async with asyncio.timeout(5):
        while not stream.writes:  # noqa: ASYNC110 - a stream tells nobody that it was written to
            await asyncio.sleep(0.001)
    assert (stream.getvalue(), stream.writes) == ("a\nb\nc\n", 1)


async def test_trouble_is_written_at_once_and_behind_what_came_before() -> None:
    stream = Counted()
    spool = Spool(stream, seconds=60)
    spool.add("a")
    spool.add_at_once("b")
    assert stream.getvalue() == "a\nb\n"


async def test_a_thread_without_a_loop_waits_for_nothing() -> None:
    stream = Counted()
    spool = Spool(stream, seconds=60)
    spool.add("a")
    thread = threading.Thread(target=spool.add, args=("b",))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert stream.getvalue() == "a\nb\n"


async def test_no_more_than_some_lines_wait() -> None:
    stream = Counted()
    spool = Spool(stream, seconds=60)
    for _ in range(MOST):
        spool.add("a")
    assert stream.getvalue() == "a\n" * MOST


PROGRAM = """
import asyncio, structlog, sys
from crossdock.telemetry.logs import configure_logs
configure_logs("test")
async def main():
    structlog.get_logger("crossdock.test").info("last")
    {end}
asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "raise RuntimeError('x')"])
def test_a_process_takes_no_line_with_it(end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{end}", end)], capture_output=True, text=True, check=False, timeout=60
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines] == ["last"]


SPELLED_OTHERWISE = ["\u017fecret=hunter2", "ba\u017fic hunter2hunter2"]


@pytest.mark.parametrize("value", ["plain", *SPELLED_OTHERWISE, "\ud800", 2**80, float("nan"), b"x", {1: "a"}])
def test_any_value_becomes_a_line_of_json_without_secrets(value: Any) -> None:
    with logged() as output:
        structlog.get_logger("crossdock.test").info("event", value=value)
    (line,) = output.lines("event")
    assert "hunter2" not in str(line["value"])
    assert output.getvalue().isascii()
