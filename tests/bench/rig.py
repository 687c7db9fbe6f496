"""The servers of a benchmark: processes on loopback, an issuer, a collector of spans, a Redis as it is shipped."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.bench.wire import Caller, message
from tests.support.issuer import DevIssuer
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.serving import listen, serve, url_of

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CUSTOMER = """
customer:
  name: acme
  agents: [{id: bench}]
  routing:
    method: rules
    rules: [{name: anything, regex: ".*", agents: [bench]}]
"""


@dataclass
class Target:
    """One server under load. `cpu` is in seconds, `memory` in bytes; Redis' own are not in them.

    The CPU of one that is called `behind` it counts as its own.
    """

    kind: str
    port: int
    process: subprocess.Popen[bytes]
    headers: dict[str, str]
    behind: "Target | None" = None

    def caller(self) -> Caller:
        return Caller(self.port, self.headers)

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        own = (int(fields[11]) + int(fields[12])) / TICKS
        return own + (self.behind.cpu() if self.behind else 0.0)

    def stop(self) -> None:
        _stopped(self.process)

    def memory(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE


class Rig:
    """Use with `async with`; `target` starts a server of a kind: sdk, memory or redis."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        self._databases = 0

    async def __aenter__(self) -> Self:
        bound = listen()
        self.issuer = DevIssuer(self._folder, url=url_of(bound), agents={"bench": ("act",)}, lifetime=7200.0)
        await self._stack.enter_async_context(serve(self.issuer.app, bound))
        self.redis = RedisServer(self._folder / "redis")
        await self.redis.start()
        self._stack.callback(self.redis.stop)
        self._collector = f"http://127.0.0.1:{(port := free_port())}"
        self._start("collector", port, "tests.bench.sink", str(port))
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._stack.aclose()

    async def target(self, kind: str, *, stored: int = 0) -> Target:
        """With `stored` tasks in a store of its own."""
        port = free_port()
        self._databases += bool(stored)
        redis = f"127.0.0.1:{self.redis.port}" if kind == "redis" else ""
        database = str(self._databases if stored else 0)
        arguments = [kind, str(port), self.issuer.url, self._collector, redis, database, str(stored)]
        process = self._start(kind, port, "tests.bench.server", *arguments)
        made = Target(kind, port, process, await self._headers("" if kind == "sdk" else "acme-orchestrator"))
        await _up(made)
        return made

    async def orchestrator(self, agent: Target) -> Target:
        """A customer's orchestrator, as it is shipped, before `agent`, and with its kind of store."""
        port, file = free_port(), self._folder / "customer.yaml"
        file.write_text(CUSTOMER, encoding="utf-8")
        settings: dict[str, object] = {
            "port": port,
            "grpc": False,
            "issuer": self.issuer.url,
            "otlp_endpoint": self._collector,
            "redis_nodes": f"127.0.0.1:{self.redis.port}" if agent.kind == "redis" else "",
            "customer_file": file,
            "agents": json.dumps({"bench": f"http://127.0.0.1:{agent.port}"}),
            "client_secret_file": self._folder / "secrets" / "acme-orchestrator",
        }
        given = {f"CROSSDOCK_{name.upper()}": str(value) for name, value in settings.items()}
        process = self._start(f"orchestrator-{agent.kind}", port, "orchestrator", **given)
        made = Target(agent.kind, port, process, await self._headers("acme-caller"), agent)
        await _up(made)
        return made

    def spans(self) -> int:
        """The bytes of spans that came so far: whoever says that it traces is to do it."""
        with urllib.request.urlopen(self._collector) as answer:
            return int(answer.read())

    async def _headers(self, client_id: str) -> dict[str, str]:
        token = {"Authorization": f"Bearer {await self.issuer.token(client_id)}"} if client_id else {}
        return {"A2A-Version": "1.0", **token}

    def _start(self, name: str, port: int, module: str, *arguments: str, **given: str) -> "subprocess.Popen[bytes]":
        log = self._stack.enter_context((self._folder / f"{name}-{port}.log").open("wb"))
        command = [sys.executable, "-m", module, *arguments]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**inherited, **given})
        self._stack.callback(_stopped, process)
        return process


async def _up(target: Target) -> None:
    """Once it works a task: a port that is open says little."""
    failure: Exception | None = None
    async with asyncio.timeout(600):
        while target.process.poll() is None:
            try:
                async with target.caller() as caller:
                    task = (await caller.rpc("SendMessage", message("hello")))["task"]
                    if task["status"]["state"] == "TASK_STATE_COMPLETED":
                        return
                    failure = RuntimeError(str(task["status"]))
            except (OSError, RuntimeError) as error:
                failure = error
                await asyncio.sleep(0.05)
    raise RuntimeError(f"the {target.kind} server did not start") from failure


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
