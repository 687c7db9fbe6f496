"""What callers do to a server, and what it costs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tests.bench.rig import Target
from tests.bench.wire import Caller, message

TURNS = 10
Act = Callable[[Caller], Awaitable[None]]


@dataclass
class Sample:
    """`seconds` of each act, the whole `duration`, and the server's `cpu` meanwhile; all in seconds."""

    seconds: list[float] = field(default_factory=list)
    duration: float = 0.0
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.duration

    @property
    def cost(self) -> float:
        """Server CPU of one act."""
        return self.cpu / len(self.seconds)

    def add(self, other: "Sample") -> None:
        self.seconds += other.seconds
        self.duration += other.duration
        self.cpu += other.cpu

    def quantile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run(target: Target, act: Act, *, callers: int, acts: int) -> Sample:
    """`callers` at a time until `acts` are done."""
    sample = Sample()
    left = iter(range(acts))

    async def one(caller: Caller) -> None:
        for _ in left:
            began = time.perf_counter()
            await act(caller)
            sample.seconds.append(time.perf_counter() - began)

    async with AsyncExitStack() as stack:
        open_callers = [await stack.enter_async_context(target.caller()) for _ in range(callers)]
        cpu, began = target.cpu(), time.perf_counter()
        await asyncio.gather(*(one(caller) for caller in open_callers))
        sample.duration, sample.cpu = time.perf_counter() - began, target.cpu() - cpu
    return sample


async def side_by_side(targets: Sequence[Target], act: Act, *, acts: int, callers: int = 1) -> list[Sample]:
    """In turns of a moment: what else the machine does falls on all of them."""
    samples = [Sample() for _ in targets]
    for _ in range(TURNS):
        for target, sample in zip(targets, samples, strict=True):
            sample.add(await run(target, act, callers=callers, acts=acts // TURNS))
    return samples


async def send(caller: Caller) -> None:
    result = await caller.rpc("SendMessage", message("hello"))
    assert result["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert result["task"]["artifacts"]


def getter(task_ids: Mapping[int, str]) -> Act:
    """`task_ids` by the servers' ports."""

    async def get(caller: Caller) -> None:
        task_id = task_ids[caller.port]
        assert (await caller.rpc("GetTask", {"id": task_id}))["id"] == task_id

    return get


def streamer(text: str, events: int) -> Act:
    async def stream(caller: Caller) -> None:
        seen = [event async for event in caller.stream("SendStreamingMessage", message(text))]
        assert len(seen) == events, (len(seen), events)
        assert b"TASK_STATE_COMPLETED" in seen[-1]

    return stream


async def waiting(target: Target, streams: int) -> AsyncIterator[int]:
    """Opens so many streams of tasks that never end; yields the server's growth in bytes, once all are open."""
    async with AsyncExitStack() as stack:
        before = target.memory()
        for _ in range(streams):
            caller = await stack.enter_async_context(target.caller())
            events = caller.stream("SendStreamingMessage", message("wait"))
            stack.push_async_callback(events.aclose)  # type: ignore[attr-defined] # it is a generator
            for _ in range(2):
                await anext(events)
        yield target.memory() - before
