"""`python -m tests.chaos [--tasks N]`: kills what works on N tasks, and exits with 1 if one of them suffered."""

import argparse
import asyncio
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
from tests.chaos.report import Report
from tests.chaos.system import System, system

PER_SECOND = 15.0
AT_LEAST_SECONDS = 20.0
IN_FLIGHT = 300
CALM_SECONDS = 90.0
KINDS = ("steps", "steps", "steps", "ask", "cancel")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--report", type=Path, help="file for the report, as Markdown")
    parser.add_argument("--logs", type=Path, help="folder for the services' logs; by default they are thrown away")
    parser.add_argument(
        "--orchestrators-send-again",
        action="store_true",
        help="an orchestrator's successor may start a second task at the agent: counted, but no failure",
    )
    return parser.parse_args()


async def conversations(made: System, count: int, chance: random.Random) -> list[Caller]:
    headers = await made.headers("acme-caller")
    return [
        Caller(made, f"t{number:05}", chance.choice(KINDS), chance.randint(2, 8), headers) for number in range(count)
    ]


async def sent(callers: list[Caller]) -> None:
    """All at their pace; each ends by itself, or is ended when all has been calm for long."""
    pace = min(PER_SECOND, len(callers) / AT_LEAST_SECONDS)
    room = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int, caller: Caller) -> None:
        await asyncio.sleep(number / pace)
        async with room:
            await caller.run()

    await asyncio.gather(*(one(number, caller) for number, caller in enumerate(callers)))


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
    doing = asyncio.create_task(mischief.go_on(over))
    sending = asyncio.create_task(sent(callers))
    pace = max(options.tasks / PER_SECOND, AT_LEAST_SECONDS)
    await asyncio.wait({sending, doing}, timeout=pace, return_when=asyncio.FIRST_COMPLETED)
    over.set()
    await doing
    await asyncio.wait({sending}, timeout=CALM_SECONDS)
    seconds = time.monotonic() - started
    if not sending.done():
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    else:
        sending.result()
    room = asyncio.Semaphore(20)
    await asyncio.gather(*(checked(caller, room) for caller in callers))
    gone = {pid: at for replica in made.agents for pid, at in replica.gone.items()}
    tolerated = frozenset({"doubled"} if options.orchestrators_send_again else ())
    command = f"python -m tests.chaos {shlex.join(sys.argv[1:])}"
    report = Report(callers, mischief.done, gone, seconds, command, options.seed, tolerated)
    report.more = {"doubled": await doubled(made, callers), "seen by another customer": await strangers(made)}
    return report


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
        async with system(folder) as made:
            report = await chaos(made, options)
    text = report.markdown()
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    return 0 if report.passes else 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # the issuer's, here
    sys.exit(asyncio.run(main(arguments())))
