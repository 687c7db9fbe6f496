"""A small Crossdock inside the test's process: an issuer, agents that do what a test says, real sockets between."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from a2a.server.agent_execution import AgentExecutor
from a2a.types import AgentCard, AgentSkill

from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.cards.building import agent_card
from crossdock.cards.caching import CardCache
from crossdock.client.agent import AgentClient
from crossdock.client.calls import ClientPolicy
from crossdock.client.pool import pooled_client
from crossdock.pipeline import AgenticPipeline
from crossdock.server.service import Service, create_service
from crossdock.settings import ServiceSettings
from crossdock.tasks.journal import TaskJournal
from tests.support.executors import Puppet
from tests.support.issuer import DevIssuer
from tests.support.serving import free_port, listen, serve, url_of

PUPPET_SKILLS = ("act", "other")
MODES = ["text/plain", "application/json", "text/csv"]


class PuppetSettings(ServiceSettings):
    """Settings of a test's agent; tests change what they are about."""

    port: int = 9000
    issuer: str = "http://issuer.test"
    drain_seconds: float = 0.2
    allow_private_urls: bool = True


def puppet_card(url: str, name: str = "puppet-agent") -> AgentCard:
    skills = [
        AgentSkill(id=skill, name=skill, description=f"To {skill}.", tags=["test"], examples=[f"{skill} please"])
        for skill in PUPPET_SKILLS
    ]
    return agent_card(
        name=name,
        description="Does what a test says.",
        version="1.0.0",
        url=url,
        issuer="http://issuer.test",
        skills=skills,
        input_modes=MODES,
        output_modes=MODES,
        extended=True,
    )


@dataclass
class Agent:
    """A served agent: where, what runs in it, and its service."""

    url: str
    work: Any
    service: Service
    base: str = field(default="")

    @property
    def grpc(self) -> str:
        """host:port"""
        return self.service.settings.public_grpc


@dataclass
class System:
    """Use `system(...)`. Agents are added with `agent`, callers made with `client` and `http`."""

    issuer: DevIssuer
    stack: AsyncExitStack

    def http(self, **options: Any) -> httpx.AsyncClient:
        """A client that reaches the issuer inside this process and everything else over sockets."""
        made = httpx.AsyncClient(mounts={self.issuer.url: self.issuer.transport}, timeout=20.0, **options)
        self.stack.push_async_callback(made.aclose)
        return made

    async def agent(
        self,
        work: AgenticPipeline | AgentExecutor | None = None,
        *,
        name: str = "puppet-agent",
        journal: TaskJournal | None = None,
        wrap: Callable[[Service], Any] = lambda service: service,
        **settings: Any,
    ) -> Agent:
        bound = listen()
        work = work or Puppet()
        agent_id = name.removesuffix("-agent")
        settings.setdefault("issuer", self.issuer.url)
        settings.setdefault("grpc_port", free_port())
        settings.setdefault("public_url", url_of(bound))
        loaded = PuppetSettings(**settings)
        service = create_service(
            loaded, puppet_card(loaded.url, name), work, agent=agent_id, journal=journal, http=self.http()
        )
        url = await self.serve(wrap(service), bound)
        return Agent(url, work, service)

    async def serve(self, app: Any, bound: socket.socket | None = None) -> str:
        return await self.stack.enter_async_context(serve(app, bound))

    def client(self, url: str, client_id: str = "acme-orchestrator", **policy: Any) -> AgentClient:
        """Crossdock's own client, authenticated as `client_id`."""
        http = pooled_client()
        http._mounts.update(self.http()._mounts)
        self.stack.push_async_callback(http.aclose)
        tokens = TokenSource(http, self.issuer.url, client_id, lambda: self.issuer.secret(client_id))
        http.auth = BearerAuth(tokens, origins=[url])
        self.stack.push_async_callback(tokens.close)
        return AgentClient(url, http, CardCache(http), policy=ClientPolicy(**policy))

    async def headers(self, client_id: str = "acme-orchestrator", version: str = "1.0") -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.issuer.token(client_id)}", "A2A-Version": version}


@asynccontextmanager
async def system(folder: Path, **issuer: Any) -> AsyncIterator[System]:
    issuer.setdefault("agents", {"puppet": PUPPET_SKILLS, "second": PUPPET_SKILLS})
    async with AsyncExitStack() as stack:
        yield System(DevIssuer(folder, **issuer), stack)


@asynccontextmanager
async def reachable_system(folder: Path, **issuer: Any) -> AsyncIterator[System]:
    """The same with its issuer on a port, for processes of their own."""
    bound = listen()
    async with system(folder, url=url_of(bound), **issuer) as made:
        await made.serve(made.issuer.app, bound)
        yield made
