"""What came of it, as Markdown and as a verdict."""

import argparse
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.caller import REASONS, Caller

WRONG = (
    "lost",
    "doubled",
    "without an end",
    "ends twice",
    "gaps",
    "repeats",
    "wrong answers",
    "seen by another customer",
    "notifications missing",
    "notifications out of order",
)
"""Each of these must be zero."""
DETAILS = 5


STORES = {
    "primary": "one Redis with `appendfsync always`: with `everysec` a dying machine loses the last second",
    "replica": "two Redis under Sentinel, with `durability: replica`",
}


@dataclass(frozen=True)
class Disturbances:
    """When the agent's processes were killed or put to sleep, by pid, and when the store was there again."""

    gone: Mapping[int, float]
    back: Sequence[float]

    def last(self, after: float, before: float) -> float:
        """The latest one in between, or `after`."""
        return max(at for at in (after, *self.gone.values(), *self.back) if after <= at <= before)


@dataclass
class Report:
    callers: Sequence[Caller]
    deeds: Mapping[str, int]
    disturbances: Disturbances
    seconds: float
    command: str
    options: argparse.Namespace
    notifications: int = 0
    notified_again: int = 0
    more: dict[str, list[str]] = field(default_factory=dict)

    @property
    def wrong(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in (*WRONG, *REASONS.values())}
        for caller in self.callers:
            for name, details in caller.wrong.items():
                found[name] += details
        for name, details in self.more.items():
            found[name] += details
        return found

    @property
    def takeovers(self) -> list[tuple[float, str]]:
        """Seconds to the first word of another process of the agent over a task whose holder was lost, and the task.

        They count from the last disturbance before it: the loss itself, that of the next holder, or the store's return.
        """
        gone = self.disturbances.gone
        return [
            (follower[1] - self.disturbances.last(max(gone[lost[0]], lost[2]), follower[1]), caller.name)
            for caller in self.callers
            for lost, follower in zip(caller.workers, caller.workers[1:], strict=False)
            if lost[0] in gone and follower[1] > max(gone[lost[0]], lost[2])
        ]

    @property
    def passes(self) -> bool:
        return not any(self.wrong[name] for name in WRONG)

    def markdown(self) -> str:
        wrong = self.wrong
        kinds = Counter(caller.kind for caller in self.callers)
        takeovers = self.takeovers
        rows = [
            ("tasks", f"{len(self.callers)} ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})"),
            *((f"times: {name}", count) for name, count in sorted(self.deeds.items())),
            ("streams cut and resumed", sum(caller.cut for caller in self.callers)),
            ("notifications", f"{self.notifications}, {self.notified_again} of them once more"),
            *((name, len(wrong[name])) for name in (*WRONG, *REASONS.values())),
            ("tasks taken over by another process of the agent", len(takeovers)),
            ("slowest takeover", "{:.1f} s {}".format(*max(takeovers, default=(0.0, "")))),
            ("longest silence of a stream", f"{max((caller.silence for caller in self.callers), default=0):.1f} s"),
        ]
        table = "\n".join(f"| {name} | {value} |" for name, value in rows)
        details = "\n".join(f"* {name}: {detail}" for name in wrong for detail in wrong[name][:DETAILS])
        verdict = "Nothing is wrong." if self.passes else "**Something is wrong.**"
        return f"# Chaos\n\n{self._circumstances()}\n\n{verdict}\n\n| | |\n|---|---|\n{table}\n" + (
            f"\n{details}\n" if details else ""
        )

    def _circumstances(self) -> str:
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return (
            f"{date}, commit {_commit()}, `{self.command}` (seed {self.options.seed}), {self.seconds:.0f} s, "
            f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, Python {platform.python_version()}.\n"
            f"Two replicas each of an orchestrator and an agent over {STORES[self.options.durability]}. "
            "A takeover counts from the last disturbance (the loss, or the store's return) to the agent's next word, "
            "by the agent's clock. Webhooks are the orchestrator's, so that killing one kills a deliverer."
        )


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
