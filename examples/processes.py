"""Services as child processes: none of them, and no child of theirs, outlives the one that started them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from examples.service import STOP_SECONDS

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Processes:
    """`logs` is the folder of what they say, one file each. `stop_seconds` is what each of them has to stop."""

    logs: Path
    stop_seconds: float = STOP_SECONDS
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._running)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """`arguments` are those of `python -m`; what is set for Crossdock in our own environment is not passed on."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CROSSDOCK_")}
        self.logs.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "examples.service", *arguments],
                env={**inherited, **environment},
                stdin=subprocess.PIPE,  # see examples.service: its end is ours
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is ours to handle: services stop in order, not all at once
            )

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def ended(self, name: str) -> bool:
        return self._running[name].poll() is not None

    def tail(self, name: str, lines: int = 15) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])

    def exited(self) -> dict[str, str]:
        """Those that ended by themselves, with the ends of their logs."""
        return {name: self.tail(name, 5) for name in self._running if self.ended(name)}

    async def stop(self, order: Iterable[Iterable[str]]) -> None:
        """Group after group: all of one have ended before the next is asked to. Passes over names that do not run."""
        for group in order:
            asked = {name: self._running[name] for name in group if name in self._running}
            for process in asked.values():
                process.send_signal(signal.SIGTERM)
            await asyncio.gather(*(asyncio.to_thread(self._reap, process) for process in asked.values()))
            for name in asked:
                del self._running[name]

    def kill(self) -> None:
        """At once, with their children. Who waits in `stop` goes on."""
        for process in self._running.values():
            _kill_group(process)

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.stop_seconds)
        _kill_group(process)  # also what a service left behind, such as its fork server
        process.wait()
        if process.stdin:
            process.stdin.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
