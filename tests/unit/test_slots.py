"""Slots between owners: turns, and one that is left to the others."""

import asyncio

from crossdock.slots import FairSlots


class Crowd:
    """Owners at some slots; who holds one keeps it until the test says otherwise."""

    def __init__(self, limit: int) -> None:
        self._slots = FairSlots(limit)
        self._ends: list[tuple[str, asyncio.Event]] = []
        self.began: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def _hold(self, owner: str) -> None:
        async with self._slots.held(owner):
            self.began.append(owner)
            end = asyncio.Event()
            self._ends.append((owner, end))
            await end.wait()

    async def come(self, owners: str) -> None:
        self.tasks += [asyncio.create_task(self._hold(owner)) for owner in owners]
        await self.settled()

    async def leave(self, owner: str) -> None:
        index = next(index for index, (held, _) in enumerate(self._ends) if held == owner)
        self._ends.pop(index)[1].set()
        await self.settled()

    async def settled(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_one_slot_is_left_to_others() -> None:
    crowd = Crowd(3)
    await crowd.come("aaaa")
    assert "".join(crowd.began) == "aa"
    await crowd.come("b")
    assert "".join(crowd.began) == "aab"
    await crowd.close()


async def test_owners_take_turns() -> None:
    crowd = Crowd(1)
    await crowd.come("aaaabc")
    for _ in range(5):
        await crowd.leave(crowd.began[-1])
    assert "".join(crowd.began) == "aabcaa"
    await crowd.close()


async def test_who_gives_up_leaves_no_gap() -> None:
    crowd = Crowd(2)
    await crowd.come("aaa")
    crowd.tasks[1].cancel()  # waits
    await crowd.settled()
    crowd.tasks[0].cancel()  # holds
    await crowd.settled()
    assert "".join(crowd.began) == "aa"
    await crowd.come("b")
    assert "".join(crowd.began) == "aab"
    await crowd.close()


async def test_a_slot_that_is_granted_to_one_who_leaves_in_that_moment_is_free_again() -> None:
    crowd = Crowd(1)
    await crowd.come("ab")
    crowd._ends.pop()[1].set()
    await asyncio.sleep(0)  # the slot is granted; its new holder has not run yet
    crowd.tasks[1].cancel()
    await crowd.settled()
    await crowd.come("c")
    assert "".join(crowd.began) in {"ac", "abc"}
    await crowd.close()
