"""The servers of a benchmark: processes on loopback, an issuer, a Redis as it is shipped."""

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from tests.bench.wire import Caller
from tests.support.issuer import DevIssuer
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.serving import listen, serve, url_of

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Target:
    """One server under load. `cpu` is in seconds, `memory` in bytes; Redis' own are not in them."""

    kind: str
    port: int
    process: subprocess.Popen[bytes]
    headers: dict[str, str]

    def caller(self) -> Caller:
        return Caller(self.port, self.headers)

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE


class Rig:
    """Use with `async with`; `target` starts a server of a kind: sdk, memory or redis."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        bound = listen()
        self.issuer = DevIssuer(self._folder, url=url_of(bound), agents={"bench": ("act",)}, lifetime=7200.0)
        await self._stack.enter_async_context(serve(self.issuer.app, bound))
        self.redis = RedisServer(self._folder / "redis")
        await self.redis.start()
        self._stack.callback(self.redis.stop)
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._stack.aclose()

    async def target(self, kind: str) -> Target:
        port = free_port()
        arguments = [kind, str(port), self.issuer.url]
        if kind == "redis":
            arguments.append(f"127.0.0.1:{self.redis.port}")
        log = self._stack.enter_context((self._folder / f"{kind}-{port}.log").open("wb"))
        command = [sys.executable, "-m", "tests.bench.server", *arguments]
        process = _started(command, log)
        self._stack.callback(_stopped, process)
        headers = {"A2A-Version": "1.0"}
        if kind != "sdk":
            headers["Authorization"] = f"Bearer {await self.issuer.token('acme-orchestrator')}"
        made = Target(kind, port, process, headers)
        await _up(made)
        return made


async def _up(target: Target) -> None:
    async with asyncio.timeout(60):
        while target.process.poll() is None:
            try:
                async with target.caller():
                    return
            except OSError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"the {target.kind} server did not start")


def _started(command: list[str], log: BinaryIO) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdout=log, stderr=log)


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
