"""What is put under chaos: an issuer, a store, two replicas of an agent behind a balancer, two of an orchestrator."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.chaos.balancer import Balancer
from tests.chaos.receiver import Receiver
from tests.chaos.replica import Replica
from tests.chaos.store import STORES, OneRedis, TwoRedis
from tests.support.issuer import DevIssuer
from tests.support.processes import free_port
from tests.support.serving import listen, serve, url_of

LEASE_SECONDS = 2.0
AGENTS = {"puppet": ("act",)}
CUSTOMER = """
customer:
  name: acme
  agents: [{id: puppet}]
  routing:
    method: rules
    rules: [{name: anything, regex: ".*", agents: [puppet]}]
"""


@dataclass
class System:
    issuer: DevIssuer
    store: OneRedis | TwoRedis
    receiver: Receiver
    agent: str
    agents: list[Replica]
    orchestrators: list[Replica]
    http: httpx.AsyncClient

    @property
    def replicas(self) -> list[Replica]:
        return [*self.agents, *self.orchestrators]

    async def headers(self, client: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.issuer.token(client)}", "A2A-Version": "1.0"}

    async def watch(self) -> None:
        """Keeps `ready` of the replicas as it is."""
        while True:
            await asyncio.gather(*(replica.is_up(self.http) for replica in self.replicas))
            await asyncio.sleep(0.3)


@asynccontextmanager
async def system(folder: Path, durability: str) -> AsyncIterator[System]:
    async with AsyncExitStack() as stack:
        bound = listen()
        issuer = DevIssuer(folder / "issuer", url=url_of(bound), agents=AGENTS, lifetime=24 * 3600.0)
        await stack.enter_async_context(serve(issuer.app, bound))
        receiver = Receiver()
        receiver.url = await stack.enter_async_context(serve(receiver.app))
        store = STORES[durability](folder)
        await store.start(stack.enter_context(ExitStack()))
        http = await stack.enter_async_context(httpx.AsyncClient(limits=httpx.Limits(max_connections=None)))
        agents: list[Replica] = []
        door = await asyncio.start_server(Balancer(agents).connected, "127.0.0.1", 0, backlog=1024)
        stack.callback(door.close)
        agent = url_of(door.sockets[0])
        shared = _shared(issuer, store)
        agents += [_agent(folder, number, {**shared, "public_url": agent}) for number in (1, 2)]
        orchestrators = [_orchestrator(folder, number, shared, agent) for number in (1, 2)]
        made = System(issuer, store, receiver, agent, agents, orchestrators, http)
        for replica in made.replicas:
            stack.callback(replica.end)
            replica.start()
        await asyncio.gather(*(replica.until_up(http) for replica in made.replicas))
        watching = asyncio.create_task(made.watch())
        stack.callback(watching.cancel)
        yield made


def _shared(issuer: DevIssuer, store: OneRedis | TwoRedis) -> dict[str, object]:
    return {
        **store.settings,
        "issuer": issuer.url,
        "redis_shards": 2,
        "lease_seconds": LEASE_SECONDS,
        "drain_seconds": 1.5,
        "running_tasks": 300,
        "streams_per_customer": 2000,
        "task_seconds": 300,
        "push_private_urls": True,
        "push_plain_http": True,
        "push_timeout_seconds": 2.0,
        "push_retry_seconds": 0.5,
        "push_attempts": 100,
        "resumable": json.dumps({"*": "checkpoint"}),
    }


def _agent(folder: Path, number: int, settings: dict[str, object]) -> Replica:
    return Replica(f"agent-{number}", "tests.chaos.agent", free_port(), settings, folder / f"agent-{number}.log")


def _orchestrator(folder: Path, number: int, shared: dict[str, object], agent: str) -> Replica:
    file = folder / "customer.yaml"
    file.write_text(CUSTOMER, encoding="utf-8")
    settings = {
        **shared,
        "customer_file": file,
        "agents": json.dumps({"puppet": agent}),
        "client_secret_file": folder / "issuer" / "secrets" / "acme-orchestrator",
    }
    name = f"orchestrator-{number}"
    return Replica(name, "orchestrator", free_port(), settings, folder / f"{name}.log")
