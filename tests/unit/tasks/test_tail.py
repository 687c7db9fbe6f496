"""What readers hear of a task in the process that works it."""

import asyncio

from a2a.types import Artifact, Part, TaskArtifactUpdateEvent

from crossdock.tasks.journal import Logged
from crossdock.tasks.tail import KEPT_BYTES, KEPT_EVENTS, Tail


def logged(number: int, text: str = "x") -> Logged:
    return Logged(number, 1, TaskArtifactUpdateEvent(artifact=Artifact(artifact_id="a", parts=[Part(text=text)])))


def numbers(events: list[Logged] | None) -> list[int] | None:
    return None if events is None else [event.number for event in events]


def test_a_reader_gets_what_is_behind_its_cursor() -> None:
    tail = Tail(1)
    tail.add([logged(2), logged(3)])
    assert numbers(tail.since(1)) == [2, 3]
    assert numbers(tail.since(2)) == [3]
    assert tail.since(3) == []


def test_a_reader_that_is_too_far_behind_is_told_to_look_elsewhere() -> None:
    tail = Tail(1)
    tail.add([logged(number) for number in range(2, KEPT_EVENTS + 10)])
    assert tail.since(1) is None
    assert numbers(tail.since(KEPT_EVENTS)) == list(range(KEPT_EVENTS + 1, KEPT_EVENTS + 10))


def test_a_gap_is_seen_by_all_readers_before_it() -> None:
    tail = Tail(1)
    tail.add([logged(2)])
    tail.add([logged(5)])
    assert tail.since(1) is None
    assert numbers(tail.since(4)) == [5]


def test_large_events_are_not_kept() -> None:
    tail = Tail(1)
    tail.add([logged(2, "x" * KEPT_BYTES), logged(3)])
    assert tail.since(1) is None
    assert numbers(tail.since(2)) == [3]


async def test_a_waiting_reader_hears_of_events_and_of_the_end() -> None:
    tail = Tail(1)
    assert not await tail.wait(1, 0.01)
    waiting = asyncio.create_task(tail.wait(1, 10))
    await asyncio.sleep(0)
    tail.add([logged(2)])
    assert await waiting
    assert not tail.exhausted(2)
    waiting = asyncio.create_task(tail.wait(2, 10))
    await asyncio.sleep(0)
    tail.close()
    assert await waiting
    assert not tail.exhausted(1)
    assert tail.exhausted(2)
