"""What is written within a turn of the loop leaves at once, whole and in order."""

import asyncio
from typing import Any

from crossdock.server.connections import AT_ONCE, Cork


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_what_is_written_in_one_turn_is_one_write() -> None:
    wire = Wire()
    cork = Cork(wire, asyncio.get_running_loop())
    cork.write(b"head")
    cork.write(bytearray(b"body"))
    assert wire.writes == []
    await asyncio.sleep(0)
    cork.write(b"next")
    await asyncio.sleep(0)
    assert wire.writes == [b"headbody", b"next"]


async def test_much_is_not_held_back() -> None:
    wire = Wire()
    cork = Cork(wire, asyncio.get_running_loop())
    cork.write(b"head")
    cork.write(b"x" * AT_ONCE)
    assert wire.writes == [b"head" + b"x" * AT_ONCE]
    await asyncio.sleep(0)
    assert len(wire.writes) == 1


async def test_what_is_held_goes_before_the_end() -> None:
    wire = Wire()
    cork = Cork(wire, asyncio.get_running_loop())
    cork.write(b"last")
    cork.close()
    assert (wire.writes, wire.closed) == ([b"last"], True)


async def test_nothing_is_written_to_who_has_gone() -> None:
    wire = Wire()
    cork = Cork(wire, asyncio.get_running_loop())
    cork.write(b"late")
    wire.close()
    await asyncio.sleep(0)
    assert wire.writes == []
