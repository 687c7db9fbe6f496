"""Server-sent events are found wherever the pieces of their stream are cut."""

import pytest

from crossdock.client.frames import Frames

STREAM = b': ping\nid: 1\ndata: {"a":1}\n\nevent: error\ndata:first\ndata: second\n\nid: 3\n\ndata: last\n\n'
EVENTS = [(b"", b'{"a":1}'), (b"error", b"first\nsecond"), (b"", b"last")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_whole_however_they_arrive(end: bytes, size: int) -> None:
    stream = STREAM.replace(b"\n", end)
    frames = Frames()
    found = [event for start in range(0, len(stream), size) for event in frames.add(stream[start : start + size])]
    assert found == EVENTS


def test_an_event_that_is_cut_off_is_none() -> None:
    frames = Frames()
    assert frames.add(b"data: half") == []
    assert frames.add(b" of it\n") == []
    assert frames.add(b"\ndata: more\n") == [(b"", b"half of it")]


def test_lines_may_end_with_cr_alone() -> None:
    frames = Frames()
    assert frames.add(b"data: x\r\rdata: y\r") == [(b"", b"x")]
    assert frames.add(b"\r:\r") == [(b"", b"y")]
