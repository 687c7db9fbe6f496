"""`python -m tests.bench [--rounds N] [--report FILE]`: what Crossdock's server costs beside a2a-sdk's own.

(a) is a2a-sdk's default handler with its in-memory store, as it is shipped; (b) Crossdock on memory; (c) Crossdock on
Redis. (b) and (c) check tokens, trace and log. One process each, the same executor, the same machine, rounds in turn.
Figures are medians over the rounds, as ratios to (a); the machine's own speed is in none of them.
"""

import argparse
import asyncio
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import Act, Sample, getter, message, run, send, streamer, waiting
from tests.bench.rig import Rig, Target

KINDS = {"sdk": "a", "memory": "b", "redis": "c"}
Figures = dict[str, float]
Scenario = Callable[[Target], Awaitable[Figures]]


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
    "send cpu": Row("SendMessage, 1 caller: server CPU per task", 1.0, least=False),
    "get": Row("GetTask, 16 callers: requests per second", 1.0),
    "stream": Row("streams of four events, 16 callers: per second", 5.0),
    "chunks": Row("an artifact of 3,000 chunks: seconds", 1 / 3, least=False),
    "linear": Row("the same: time of 3,000 chunks over twice that of 1,500", None, least=False),
    "memory": Row("1,000 open streams: memory", 0.5, least=False),
}


async def sending(target: Target) -> Figures:
    many = await run(target, send, callers=16, acts=400)
    one = await run(target, send, callers=1, acts=150)
    return {"send": many.rate, "send p50": many.quantile(0.5), "send p99": many.quantile(0.99), "send cpu": one.cost}


async def getting(target: Target) -> Figures:
    async with target.caller() as caller:
        task_id = (await caller.rpc("SendMessage", message("hello")))["task"]["id"]
    return {"get": (await run(target, getter(task_id), callers=16, acts=800)).rate}


async def streaming(target: Target) -> Figures:
    return {"stream": (await run(target, streamer("hello", 4), callers=16, acts=300)).rate}


async def chunking(target: Target) -> Figures:
    half = await _once(target, streamer("chunks 1500", 1503))
    whole = await _once(target, streamer("chunks 3000", 3003))
    return {"chunks": whole.duration, "linear": whole.duration / (2 * half.duration)}


async def _once(target: Target, act: Act) -> Sample:
    return await run(target, act, callers=1, acts=1)


async def holding(target: Target) -> Figures:
    async with aclosing(waiting(target, 1000)) as grown:  # type: ignore[type-var] # it is a generator
        async for size in grown:
            return {"memory": float(size)}
    raise AssertionError("the streams open or the benchmark fails")


async def measured(rounds: int) -> dict[str, dict[str, list[float]]]:
    """By figure and kind of server, one value a round."""
    found: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        async with Rig(Path(folder)) as rig:
            targets = [await rig.target(kind) for kind in KINDS]
            for target in targets:
                await run(target, send, callers=4, acts=100)
            scenarios: list[Scenario] = [*([sending, getting, streaming, chunking] * rounds), holding]
            for scenario in scenarios:
                for target in targets:
                    _print(f"{scenario.__name__} ({KINDS[target.kind]})")
                    for name, value in (await scenario(target)).items():
                        found[name][target.kind].append(value)
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    lines = ["| figure, as a ratio to (a) | (b) memory | (c) Redis | goal for (c) | reached |", "|---|---|---|---|---|"]
    for name, row in ROWS.items():
        middle = {kind: statistics.median(values) for kind, values in found[name].items()}
        memory, redis = middle["memory"] / middle["sdk"], middle["redis"] / middle["sdk"]
        goal = "" if row.wanted is None else f"{'>=' if row.least else '<='} {row.wanted:.2g}"
        reached = "" if row.wanted is None else "yes" if (redis >= row.wanted) == row.least else "**no**"
        lines.append(f"| {row.name} | {memory:.2f} | {redis:.2f} | {goal} | {reached} |")
    return "\n".join(lines)


def report(found: dict[str, dict[str, list[float]]], rounds: int) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    about = (
        f"{time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip() or 'unknown'}, `make bench` ({rounds} rounds), "
        f"Python {platform.python_version()} on {platform.machine()}."
    )
    return f"# Benchmark\n\n{about}\n\n{(__doc__ or '').partition(chr(10))[2].strip()}\n\n{table(found)}\n"


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="write the table to this Markdown file too")
    options = parser.parse_args()
    text = report(asyncio.run(measured(options.rounds)), options.rounds)
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
