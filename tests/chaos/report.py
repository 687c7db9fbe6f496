"""What came of it, as Markdown and as a verdict."""

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
)
"""Each of these must be zero."""
DETAILS = 5


@dataclass
class Report:
    callers: Sequence[Caller]
    deeds: Mapping[str, int]
    gone: Mapping[int, float]
    seconds: float
    command: str
    seed: int
    tolerated: frozenset[str] = frozenset()
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
    def takeovers(self) -> list[float]:
        """Seconds from the loss of an agent's process to the first word of the next over the same task."""
        return [
            follower[1] - max(self.gone[lost[0]], lost[2])
            for caller in self.callers
            for lost, follower in zip(caller.workers, caller.workers[1:], strict=False)
            if lost[0] in self.gone and follower[1] > self.gone[lost[0]]
        ]

    @property
    def passes(self) -> bool:
        return not any(self.wrong[name] for name in WRONG if name not in self.tolerated)

    def markdown(self) -> str:
        wrong = self.wrong
        kinds = Counter(caller.kind for caller in self.callers)
        takeovers = self.takeovers
        rows = [
            ("tasks", f"{len(self.callers)} ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})"),
            *((f"times: {name}", count) for name, count in sorted(self.deeds.items())),
            ("streams cut and resumed", sum(caller.cut for caller in self.callers)),
            *((name, _count(wrong[name], tolerated=name in self.tolerated)) for name in (*WRONG, *REASONS.values())),
            ("tasks taken over by another process of the agent", len(takeovers)),
            ("slowest takeover", f"{max(takeovers, default=0):.1f} s"),
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
            f"{date}, commit {_commit()}, `{self.command}` (seed {self.seed}), {self.seconds:.0f} s, "
            f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, Python {platform.python_version()}.\n"
            "Two replicas each of an orchestrator and an agent over one Redis with `appendfsync always`: with "
            "`everysec` a dying machine loses the last second. Takeovers are measured as seen by callers through the "
            "orchestrator."
        )


def _count(details: list[str], *, tolerated: bool) -> str:
    return f"{len(details)}{' (tolerated)' if tolerated and details else ''}"


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
