"""`python -m tests.bench [--rounds N] [--report FILE]`: what Crossdock's server costs beside a2a-sdk's own.

(a) is a2a-sdk's default handler with its in-memory store, as it is shipped; (b) Crossdock on memory; (c) Crossdock on
Redis. (b) and (c) check tokens, log, and export a trace of every request. One process each, the same executor, the same
machine, in turns of some tenths of a second: what else the machine does falls on all three.
Figures are medians over the rounds, as ratios: in the first table to (a), in the second one to another figure of the
same server. The machine's own speed is in none of them.
"""

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import Act, Sample, getter, run, send, side_by_side, streamer, waiting
from tests.bench.rig import Rig, Target
from tests.bench.wire import message

KINDS = {"sdk": "a", "memory": "b", "redis": "c"}
Figures = dict[str, float]
Found = dict[str, dict[str, list[float]]]
Keep = Callable[[str, Figures], None]
Scenario = Callable[[Sequence[Target]], Awaitable[list[Figures]]]


@dataclass(frozen=True)
class Row:
    """`wanted` is the goal for (c), as a ratio to (a); `least` says that more is better."""

    name: str
    wanted: float | None = None
    least: bool = True


ROWS = {
    "send": Row("SendMessage, 16 callers: requests per second", 5.0),
    "send p50": Row("SendMessage, 16 callers: p50", None, least=False),
    "send p99": Row("SendMessage, 16 callers: p99", None, least=False),
    "send load": Row("SendMessage, 16 callers: server CPU per task", None, least=False),
    "send cpu": Row("SendMessage, 1 caller: server CPU per task", 1.0, least=False),
    "get": Row("GetTask, 16 callers: requests per second", 1.0),
    "stream": Row("streams of four events, 16 callers: per second", 5.0),
    "stream load": Row("streams of four events, 16 callers: server CPU per stream", None, least=False),
    "chunks": Row("an artifact of 3,000 chunks: seconds", 1 / 3, least=False),
    "memory": Row("1,000 open streams: memory", 0.5, least=False),
}
STORED = (10, 10_000, 100_000)
OWN_ROWS = {
    "linear": Row("an artifact of 3,000 chunks: seconds, over twice those of 1,500", None, least=False),
    "hops": Row("SendMessage through an orchestrator, 1 caller: p50, over that of a direct call", 2.5, least=False),
    "hops cpu": Row("the same: CPU of both servers, over that of the agent called directly", None, least=False),
    **{
        f"{figure} {stored}": Row(
            f"SendMessage, 1 caller, {stored:,} stored tasks: {what}, over that with 10", None, least=False
        )
        for stored in STORED[1:]
        for figure, what in (("p50", "p50"), ("cpu", "server CPU"))
    },
}
OWN_KINDS = ("memory", "redis")


async def sending(targets: Sequence[Target]) -> list[Figures]:
    many = await side_by_side(targets, send, callers=16, acts=1600)
    one = await side_by_side(targets, send, acts=200)
    return [
        {
            "send": loaded.rate,
            "send p50": loaded.quantile(0.5),
            "send p99": loaded.quantile(0.99),
            "send load": loaded.cost,
            "send cpu": single.cost,
        }
        for loaded, single in zip(many, one, strict=True)
    ]


async def getting(targets: Sequence[Target]) -> list[Figures]:
    ids = {}
    for target in targets:
        async with target.caller() as caller:
            ids[target.port] = (await caller.rpc("SendMessage", message("hello")))["task"]["id"]
    return [{"get": sample.rate} for sample in await side_by_side(targets, getter(ids), callers=16, acts=3200)]


async def streaming(targets: Sequence[Target]) -> list[Figures]:
    samples = await side_by_side(targets, streamer("hello", 4), callers=16, acts=1600)
    return [{"stream": sample.rate, "stream load": sample.cost} for sample in samples]


async def chunking(targets: Sequence[Target]) -> list[Figures]:
    found = []
    for target in targets:
        half = await _once(target, streamer("chunks 1500", 1503))
        whole = await _once(target, streamer("chunks 3000", 3003))
        found.append({"chunks": whole.duration, "linear": whole.duration / (2 * half.duration)})
    return found


async def _once(target: Target, act: Act) -> Sample:
    return await run(target, act, callers=1, acts=1)


async def holding(targets: Sequence[Target]) -> list[Figures]:
    return [{"memory": await _held(target)} for target in targets]


async def _held(target: Target) -> float:
    async with aclosing(waiting(target, 1000)) as grown:  # type: ignore[type-var] # it is a generator
        async for size in grown:
            return float(size)
    raise AssertionError("the streams open or the benchmark fails")


async def hopping(orchestrator: Target, agent: Target) -> Figures:
    direct, through = await side_by_side([agent, orchestrator], send, acts=150)
    return {"hops": through.quantile(0.5) / direct.quantile(0.5), "hops cpu": through.cost / direct.cost}


async def storing(targets: Sequence[Target]) -> Figures:
    """`targets` have as many tasks as `STORED` says."""
    few, *others = await side_by_side(targets, send, acts=300)
    found: Figures = {}
    for stored, sample in zip(STORED[1:], others, strict=True):
        found[f"p50 {stored}"] = sample.quantile(0.5) / few.quantile(0.5)
        found[f"cpu {stored}"] = sample.cost / few.cost
    return found


async def measured(rounds: int) -> Found:
    """By figure and kind of server, one value a round."""
    found: Found = {name: {kind: [] for kind in KINDS} for name in (*ROWS, *OWN_ROWS)}

    def keep(kind: str, figures: Figures) -> None:
        for name, value in figures.items():
            found[name][kind].append(value)

    with tempfile.TemporaryDirectory() as folder:
        async with Rig(Path(folder, "first")) as rig:
            await _compare(rig, rounds, keep)
            assert rig.spans(), "the collector got no spans"
        async with Rig(Path(folder, "second")) as rig:
            await _compare_with_itself(rig, rounds, keep)
    return found


async def _compare(rig: Rig, rounds: int, keep: Keep) -> None:
    targets = [await rig.target(kind) for kind in KINDS]
    for target in targets:
        await run(target, send, callers=4, acts=100)
    scenarios: list[Scenario] = [*([sending, getting, streaming, chunking] * rounds), holding]
    for scenario in scenarios:
        _print(scenario.__name__)
        for target, figures in zip(targets, await scenario(targets), strict=True):
            keep(target.kind, figures)


async def _compare_with_itself(rig: Rig, rounds: int, keep: Keep) -> None:
    agents = {kind: await rig.target(kind) for kind in OWN_KINDS}
    orchestrators = {kind: await rig.orchestrator(agents[kind]) for kind in OWN_KINDS}
    for kind in OWN_KINDS * rounds:
        _print(f"hopping ({KINDS[kind]})")
        keep(kind, await hopping(orchestrators[kind], agents[kind]))
    for kind in OWN_KINDS:
        _print(f"storing ({KINDS[kind]})")
        stores = [await rig.target(kind, stored=stored) for stored in STORED]
        for _ in range(rounds):
            keep(kind, await storing(stores))
        for target in stores:
            target.stop()


def table(found: Found) -> str:
    lines = ["| figure, as a ratio to (a) | (b) memory | (c) Redis | goal for (c) | reached |", "|---|---|---|---|---|"]
    for name, row in ROWS.items():
        middle = {kind: statistics.median(values) for kind, values in found[name].items()}
        lines.append(_line(row, middle["memory"] / middle["sdk"], middle["redis"] / middle["sdk"]))
    return "\n".join(lines)


def own_table(found: Found) -> str:
    head = "| figure, as a ratio to another of the same server | (b) memory | (c) Redis | goal for (c) | reached |"
    lines = [head, "|---|---|---|---|---|"]
    for name, row in OWN_ROWS.items():
        lines.append(_line(row, *(statistics.median(found[name][kind]) for kind in OWN_KINDS)))
    return "\n".join(lines)


def _line(row: Row, memory: float, redis: float) -> str:
    goal = "" if row.wanted is None else f"{'>=' if row.least else '<='} {row.wanted:.2g}"
    reached = "" if row.wanted is None else "yes" if (redis >= row.wanted) == row.least else "**no**"
    return f"| {row.name} | {memory:.2f} | {redis:.2f} | {goal} | {reached} |"


def report(found: Found, rounds: int, busy: float) -> str:
    """`busy` is the machine's load before the first round."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    about = (
        f"{time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip() or 'unknown'}, `make bench ROUNDS={rounds}`, "
        f"Python {platform.python_version()} on {platform.machine()} with {os.cpu_count()} cores, "
        f"whose load average was {busy:.1f} beforehand."
    )
    kinds = (__doc__ or "").partition("\n")[2].strip()
    return "\n\n".join(["# Benchmark", about, kinds, table(found), own_table(found)]) + "\n"


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="write the table to this Markdown file too")
    options = parser.parse_args()
    busy = os.getloadavg()[0]
    text = report(asyncio.run(measured(options.rounds)), options.rounds, busy)
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
