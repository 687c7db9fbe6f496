"""A real orchestrator for `acme` over agents that do what a test says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossdock.server.service import Service
from orchestrator.app import create_app
from orchestrator.settings import Settings
from tests.support.executors import Puppet
from tests.support.serving import free_port, listen, url_of
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
    crossdock: System,
    *,
    customer: str = CUSTOMER,
    puppet: Agent | None = None,
    second: Agent | None = None,
    puppet_url: str = "",
    **settings: Any,
) -> Orchestration:
    """Over agents of its own, or over those that are given; `puppet_url` is another way to one of them."""
    puppet = puppet or await crossdock.agent()
    second = second or await crossdock.agent(name="second-agent")
    bound = listen()
    values = {**place(crossdock, puppet_url or puppet.url, second.url, customer), **settings}
    chosen = Settings(port=9001, grpc_port=free_port(), public_url=url_of(bound), **values)
    service = create_app(chosen, http=crossdock.http())
    return Orchestration(await crossdock.serve(service, bound), service, puppet, second)


def place(crossdock: System, puppet: str, second: str, customer: str = CUSTOMER) -> dict[str, Any]:
    """The settings of an orchestrator over agents at these URLs."""
    folder = Path(crossdock.issuer.folder)
    file = folder / "customer.yaml"
    file.write_text(customer, encoding="utf-8")
    return {
        "issuer": crossdock.issuer.url,
        "customer_file": file,
        "agents": {"puppet": puppet, "second": second},
        "client_secret_file": folder / "secrets" / "acme-orchestrator",
        "drain_seconds": 0.2,
    }
