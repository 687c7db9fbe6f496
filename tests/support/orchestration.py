"""A real orchestrator for `acme` over agents that do what a test says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossdock.server.service import Service
from orchestrator.app import create_app
from orchestrator.settings import Settings
from tests.support.executors import Puppet
from tests.support.serving import listen, url_of
from tests.support.system import Agent, System

CUSTOMER = """
customer:
  name: acme
  agents:
    - id: puppet
    - id: second
  routing:
    method: rules
    rules:
      - name: both
        priority: 10
        keywords: [both]
        agents: [puppet, second]
      - name: anything
        regex: "^(?!nobody)"
        agents: [puppet]
  style:
    language: de
    tone: formal
"""


@dataclass
class Orchestration:
    url: str
    service: Service
    puppet: Agent
    second: Agent

    @property
    def work(self) -> tuple[Puppet, Puppet]:
        return self.puppet.work, self.second.work


async def orchestrator(
    crossdock: System, *, customer: str = CUSTOMER, puppet_url: str = "", **settings: Any
) -> Orchestration:
    """`puppet_url` is another way to an agent of that name."""
    puppet = await crossdock.agent()
    second = await crossdock.agent(name="second-agent")
    bound = listen()
    file = Path(crossdock.issuer.folder) / "customer.yaml"
    file.write_text(customer, encoding="utf-8")
    loaded = Settings(
        port=9001,
        public_url=url_of(bound),
        issuer=crossdock.issuer.url,
        customer_file=file,
        agents={"puppet": puppet_url or puppet.url, "second": second.url},
        client_secret_file=Path(crossdock.issuer.folder) / "secrets" / "acme-orchestrator",
        drain_seconds=0.2,
        **settings,
    )
    service = create_app(loaded, http=crossdock.http())
    return Orchestration(await crossdock.serve(service, bound), service, puppet, second)
