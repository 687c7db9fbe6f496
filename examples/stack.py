"""The whole system on this machine, one process a service: what `make run` and `make demo` start."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Self

import httpx
from a2a.types import AgentCard

from crossdock.auth.dev_clients import provision
from crossdock.errors import ConfigError
from crossdock.profile import Access, Profile
from examples.customers import customer_files, port

ROOT = Path(__file__).resolve().parent.parent
AGENTS = ("anomaly", "contract", "escalation")
ISSUER_PORT = 8009
START_SECONDS = 90.0
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Program:
    """One service: `ready` is the URL that answers 200 when it can be used."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    ports: tuple[int, ...]
    ready: str


@dataclass
class Stack:
    """Use with `async with`: everything is up inside and gone outside. `home` holds logs, dev clients and the profile.

    `offset` is added to every port, for a second system beside the first; `customers` are names with their files.
    """

    home: Path
    offset: int = 0
    customers: dict[str, Path] = field(default_factory=customer_files)
    environment: dict[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{ISSUER_PORT + self.offset}"

    @property
    def agents(self) -> dict[str, str]:
        return {agent: f"http://127.0.0.1:{_port(agent) + self.offset}" for agent in AGENTS}

    def orchestrator(self, customer: str) -> str:
        return f"http://127.0.0.1:{port(list(self.customers), customer) + self.offset}"

    def secret_file(self, client_id: str) -> Path:
        return self.home / "secrets" / client_id

    def profile(self) -> Profile:
        customers = {
            name: Access(self.orchestrator(name), f"{name}-caller", str(self.secret_file(f"{name}-caller")))
            for name in self.customers
        }
        return Profile(self.issuer, customers, self.agents)

    async def __aenter__(self) -> Self:
        clients = provision(self.home, self.customers, {agent: agent_skills(agent) for agent in AGENTS})
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        programs = [self._issuer(clients), *map(self._agent, AGENTS), *map(self._orchestrator, self.customers)]
        self._check_ports(programs)
        try:
            for program in programs:
                self._start(program)
            async with httpx.AsyncClient(timeout=2.0) as http:
                await asyncio.gather(*(self._wait(http, program) for program in programs))
        except BaseException:
            await self.stop()
            raise
        self.profile().write(self.home)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _issuer(self, clients: Path) -> Program:
        port = ISSUER_PORT + self.offset
        arguments = ("crossdock.auth.dev_issuer", "--port", str(port), "--clients", str(clients))
        return Program("issuer", arguments, {}, (port,), f"{self.issuer}/healthz")

    def _agent(self, agent: str) -> Program:
        return self._service(f"{agent}-agent", f"{agent}_agent", _port(agent) + self.offset, {})

    def _orchestrator(self, customer: str) -> Program:
        environment = {
            "CROSSDOCK_CUSTOMER_FILE": str(self.customers[customer]),
            "CROSSDOCK_AGENTS": json.dumps(self.agents),
            "CROSSDOCK_CLIENT_SECRET_FILE": str(self.secret_file(f"{customer}-orchestrator")),
        }
        own = port(list(self.customers), customer) + self.offset
        return self._service(f"{customer}-orchestrator", "orchestrator", own, environment)

    def _service(self, name: str, module: str, port: int, environment: dict[str, str]) -> Program:
        values = {"CROSSDOCK_PORT": str(port), "CROSSDOCK_ISSUER": self.issuer, **environment, **self.environment}
        return Program(
            name, (module,), values, (port, port + 1000, port + 2000), f"http://127.0.0.1:{port + 1000}/readyz"
        )

    def _check_ports(self, programs: list[Program]) -> None:
        taken = [f"{port} ({program.name})" for program in programs for port in program.ports if _in_use(port)]
        if taken:
            raise ConfigError(
                f"These ports are in use: {', '.join(taken)}. Stop what listens there, or set PORT_OFFSET, "
                "such as `make demo PORT_OFFSET=10000`."
            )

    def _start(self, program: Program) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CROSSDOCK_")}
        with (self.home / "logs" / f"{program.name}.log").open("wb") as log:
            self._running[program.name] = subprocess.Popen(
                [sys.executable, "-m", *program.arguments],
                env={**inherited, **program.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is ours to handle: services stop in order, not all at once
            )

    async def _wait(self, http: httpx.AsyncClient, program: Program) -> None:
        deadline = time.monotonic() + START_SECONDS
        log = self.home / "logs" / f"{program.name}.log"
        while time.monotonic() < deadline:
            if self._running[program.name].poll() is not None:
                raise ConfigError(f"{program.name} did not start. The end of {log}:\n{_tail(log)}")
            try:
                if (await http.get(program.ready)).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
        raise ConfigError(f"{program.name} was not ready within {START_SECONDS:g} s. The end of {log}:\n{_tail(log)}")

    async def stop(self) -> None:
        """Stops the callers before the called, each by SIGTERM and, when that does not help, SIGKILL."""
        for name in reversed(list(self._running)):
            self._running[name].send_signal(signal.SIGTERM)
        await asyncio.gather(*(asyncio.to_thread(_reap, process) for process in self._running.values()))
        self._running.clear()
        (self.home / "profile.json").unlink(missing_ok=True)

    @property
    def processes(self) -> int:
        return len(self._running)

    def exited(self) -> dict[str, str]:
        """The programs that ended by themselves, with the ends of their logs."""
        gone = [name for name, process in self._running.items() if process.poll() is not None]
        return {name: _tail(self.home / "logs" / f"{name}.log", 5) for name in gone}


def _port(agent: str) -> int:
    """As the agent's settings have it by default."""
    return int(import_module(f"{agent}_agent.settings").Settings.model_fields["port"].default)


def agent_skills(agent: str) -> tuple[str, ...]:
    """As the agent's card declares them."""
    card: AgentCard = import_module(f"{agent}_agent.card").card(url="", issuer="", version="")
    return tuple(skill.id for skill in card.skills)


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
