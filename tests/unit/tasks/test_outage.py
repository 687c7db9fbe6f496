"""How often an outage is told in the log."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from crossdock.tasks.outage import Outage


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def test_a_long_outage_is_told_once_then_every_30_seconds_and_at_its_end(lines: list[Any]) -> None:
    clock = Clock()
    outage = Outage("away", "back", clock=clock)
    for _ in range(700):
        outage.failed("ConnectionError")
        clock.now += 0.125
    assert [(line["event"], line.get("times")) for line in lines] == [("away", None), ("away", 241), ("away", 481)]
    outage.over()
    assert len(lines) == 3  # others may fail yet
    clock.now += 2.0
    outage.over()
    outage.over()
    assert lines[3:] == [{"event": "back", "seconds": 87.4, "times": 700, "log_level": "info"}]


def test_each_kind_of_failure_is_told(lines: list[Any]) -> None:
    outage = Outage("away", "back", clock=Clock())
    for kind in ("ConnectionError", "BusyLoadingError", "ConnectionError"):
        outage.failed(kind)
    assert [line["error"] for line in lines] == ["ConnectionError", "BusyLoadingError"]


def test_the_next_outage_is_told_again(lines: list[Any]) -> None:
    clock = Clock()
    outage = Outage("away", "back", clock=clock)
    for _ in range(2):
        outage.failed("ConnectionError")
        clock.now += 5
        outage.over()
    assert [line["event"] for line in lines] == ["away", "back", "away", "back"]
