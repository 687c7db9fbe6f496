"""`python -m tests.chaos [--tasks N]`: kills what works on N tasks, and exits with 1 if one of them suffered."""

import argparse
import asyncio
import contextlib
import logging
import random
import shlex
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import structlog

from tests.chaos.caller import Caller
from tests.chaos.mischief import Mischief
from tests.chaos.report import Disturbances, Report
from tests.chaos.store import STORES
from tests.chaos.system import System, system

PER_SECOND = 15.0
AT_LEAST_SECONDS = 20.0
IN_FLIGHT = 200
"""A machine that is too slow for the pace sets its own."""
CALM_SECONDS = 120.0
NOTIFIED_SECONDS = 60.0
PUSHED = 0.3
"""The share of the tasks that bring a webhook."""
KINDS = ("steps", "steps", "steps", "ask", "cancel")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--report", type=Path, help="file for the report, as Markdown")
    parser.add_argument("--logs", type=Path, help="new folder for the services' logs; by default they are thrown away")
    parser.add_argument(
        "--durability",
        choices=sorted(STORES),
        default="primary",
        help="primary: one Redis that is killed and started again; replica: two, of which Sentinel promotes the other",
    )
    return parser.parse_args()


async def conversations(made: System, count: int, chance: random.Random) -> list[Caller]:
    headers = await made.headers("acme-caller")
    return [
        Caller(
            made,
            f"t{number:05}",
            chance.choice(KINDS),
            chance.randint(2, 8),
            headers,
            pushed=chance.random() < PUSHED,
        )
        for number in range(count)
    ]


async def sent(callers: list[Caller], under_way: asyncio.Event) -> None:
    """All at their pace; `under_way` is set when the last one has begun."""
    pace = min(PER_SECOND, len(callers) / AT_LEAST_SECONDS)
    room = asyncio.Semaphore(IN_FLIGHT)
    running: list[asyncio.Task[None]] = []

    async def one(caller: Caller) -> None:
        try:
            await caller.run()
        finally:
            room.release()

    for caller in callers:
        await room.acquire()
        running.append(asyncio.create_task(one(caller)))
        await asyncio.sleep(1 / pace)
    under_way.set()
    await asyncio.gather(*running)


async def doubled(made: System, callers: list[Caller]) -> list[str]:
    """Contexts with more tasks at the agent than at the orchestrator, or with more than one there."""
    acme = await made.headers("acme-orchestrator")
    there = await contexts(made, made.agent, acme)
    here = await contexts(made, made.orchestrators[0].url, callers[0].headers)
    return [
        f"{caller.name}: {here[caller.name]} at the orchestrator, {there[caller.name]} at the agent"
        for caller in callers
        if here[caller.name] > 1 or there[caller.name] > 1
    ]


async def contexts(made: System, url: str, headers: dict[str, str]) -> Counter[str]:
    found: Counter[str] = Counter()
    token = ""
    while True:
        query = {"pageSize": "100", "pageToken": token} if token else {"pageSize": "100"}
        answer = await made.http.get(f"{url}/tasks", params=query, headers=headers, timeout=30)
        page = answer.raise_for_status().json()
        found.update(task["contextId"] for task in page["tasks"])
        token = page.get("nextPageToken", "")
        if not token:
            return found


async def strangers(made: System) -> list[str]:
    found = await contexts(made, made.agent, await made.headers("globex-orchestrator"))
    return [f"{context}: globex lists it at the agent" for context in found]


async def chaos(made: System, options: argparse.Namespace) -> Report:
    chance = random.Random(options.seed)
    callers = await conversations(made, options.tasks, chance)
    mischief = Mischief(made, chance)
    started = time.monotonic()
    over = asyncio.Event()
    sending = asyncio.create_task(sent(callers, over))
    await mischief.go_on(over)
    await asyncio.wait({sending}, timeout=CALM_SECONDS)
    seconds = time.monotonic() - started
    if not sending.done():
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    else:
        sending.result()
    room = asyncio.Semaphore(20)
    await asyncio.gather(*(checked(caller, room) for caller in callers))
    await notified(made, [caller for caller in callers if caller.pushed])
    command = f"python -m tests.chaos {shlex.join(sys.argv[1:])}"
    report = Report(callers, mischief.done, _disturbances(made), seconds, command, options)
    report.notifications = sum(len(letters) for letters in made.receiver.came.values())
    report.notified_again = made.receiver.repeated
    report.more = {"doubled": await doubled(made, callers), "seen by another customer": await strangers(made)}
    return report


def _disturbances(made: System) -> Disturbances:
    gone = {pid: at for replica in made.agents for pid, at in replica.gone.items()}
    return Disturbances(gone, made.store.back)


async def notified(made: System, callers: list[Caller]) -> None:
    """Looks at the notifications once the last ones have come, or had time enough."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(NOTIFIED_SECONDS):
            while not all(made.receiver.has_all(caller.name, caller.end) for caller in callers):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    for caller in callers:
        caller.check_notifications()


async def checked(caller: Caller, room: asyncio.Semaphore) -> None:
    async with room:
        try:
            await caller.check()
        except httpx.HTTPError as error:
            caller.blame("lost", f"cannot be read: {type(error).__name__}")


async def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.logs or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            sys.exit(f"{folder} is not empty. Name another folder: tasks of an earlier run would be found again.")
        async with system(folder, options.durability) as made:
            report = await chaos(made, options)
    text = report.markdown()
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    return 0 if report.passes else 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # the issuer's, here
    sys.exit(asyncio.run(main(arguments())))
