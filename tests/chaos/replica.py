"""One process of a service: started, killed, put to sleep, stopped, and started again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0
STOP_SECONDS = 30.0


@dataclass
class Replica:
    """`gone` says when each of its processes was killed or put to sleep."""

    name: str
    module: str
    port: int
    settings: Mapping[str, object]
    log: Path
    gone: dict[int, float] = field(default_factory=dict)
    ready: bool = False
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
        given = {f"CROSSDOCK_{name.upper()}": str(value) for name, value in self.settings.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env={**inherited, **given, "CROSSDOCK_PORT": str(self.port)},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def is_up(self, http: httpx.AsyncClient) -> bool:
        try:
            answer = await http.get(f"http://127.0.0.1:{self.port + 1000}/readyz", timeout=1.0)
            self.ready = answer.status_code == httpx.codes.OK
        except httpx.HTTPError:
            self.ready = False
        return self.ready

    async def until_up(self, http: httpx.AsyncClient) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not await self.is_up(http):
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended by itself; its log is {self.log}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready after {START_SECONDS:g} s; its log is {self.log}")
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        self._leave(signal.SIGKILL)
        self._reaped()

    def sleep(self) -> None:
        self._leave(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """Asks it to stop. Raises `RuntimeError` for one that does not in time."""
        self._signal(signal.SIGTERM)
        await asyncio.to_thread(self._reaped)

    def end(self) -> None:
        """For certain, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _leave(self, number: signal.Signals) -> None:
        assert self._process is not None
        self.gone[self._process.pid] = time.time()
        self.ready = False
        self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _reaped(self) -> None:
        assert self._process is not None
        self.ready = False
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{self.name} did not stop within {STOP_SECONDS:g} s; its log is {self.log}") from None
