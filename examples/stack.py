"""The whole system on this machine, one process a service: what `make run` and `make demo` start."""

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Self

import httpx
from a2a.types import AgentCard

from crossdock.auth.dev_clients import CLIENTS_FILE, provision
from crossdock.errors import ConfigError
from crossdock.profile import Access, Profile
from examples.customers import customer_files, port
from examples.processes import Processes
from examples.service import DRAIN_SECONDS

AGENTS = ("anomaly", "contract", "escalation")
ISSUER_PORT = 8009
START_SECONDS = 90.0


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
    _running: Processes = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.home.resolve()  # services have a working folder of their own
        self._running = Processes(self.home / "logs")

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
        if taken := self.taken():
            raise ConfigError(
                f"These ports are in use: {', '.join(taken)}. `ss -ltnp` shows which process listens there: stop it, "
                "or set PORT_OFFSET, such as `make demo PORT_OFFSET=10000`."
            )
        provision(self.home, self.customers, {agent: agent_skills(agent) for agent in AGENTS})
        programs = self._programs()
        try:
            for program in programs:
                self._running.start(program.name, program.arguments, program.environment)
            async with httpx.AsyncClient(timeout=2.0) as http:
                await asyncio.gather(*(self._wait(http, program) for program in programs))
        except BaseException:
            await self.stop()
            raise
        self.profile().write(self.home)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def taken(self) -> list[str]:
        """The ports that somebody listens on already, with the programs that need them."""
        return [f"{port} ({program.name})" for program in self._programs() for port in program.ports if _in_use(port)]

    def _programs(self) -> list[Program]:
        return [self._issuer(), *map(self._agent, AGENTS), *map(self._orchestrator, self.customers)]

    def _issuer(self) -> Program:
        port = ISSUER_PORT + self.offset
        arguments = ("crossdock.auth.dev_issuer", "--port", str(port), "--clients", str(self.home / CLIENTS_FILE))
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
        common = {
            "CROSSDOCK_PORT": str(port),
            "CROSSDOCK_ISSUER": self.issuer,
            "CROSSDOCK_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "OPENBLAS_NUM_THREADS": "1",  # the services share this machine's cores: threads that spin on them only
            "OMP_NUM_THREADS": "1",  # take time from the others
        }
        values = {**common, **environment, **self.environment}
        ports = (port, port + 1000, port + 2000)
        return Program(name, (module,), values, ports, f"http://127.0.0.1:{port + 1000}/readyz")

    async def _wait(self, http: httpx.AsyncClient, program: Program) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._running.ended(program.name):
                raise ConfigError(f"{program.name} did not start. {self._end_of_log(program.name)}")
            try:
                if (await http.get(program.ready)).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
        raise ConfigError(f"{program.name} was not ready within {START_SECONDS:g} s. {self._end_of_log(program.name)}")

    def _end_of_log(self, name: str) -> str:
        return f"The end of {self._running.log(name)}:\n{self._running.tail(name)}"

    async def stop(self) -> None:
        """Stops the callers before the called: the orchestrators, then the agents, then the issuer."""
        callers = [f"{customer}-orchestrator" for customer in self.customers]
        await self._running.stop([callers, [f"{agent}-agent" for agent in AGENTS], ["issuer"]])
        (self.home / "profile.json").unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends everything at once; tasks get no last state."""
        self._running.kill()

    @property
    def processes(self) -> int:
        return len(self._running)

    def exited(self) -> dict[str, str]:
        """The programs that ended by themselves, with the ends of their logs."""
        return self._running.exited()


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
