"""A customer as the platform knows it: its name, and the names that follow from it."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from crossdock.auth.claims import CUSTOMER, no_customer
from crossdock.auth.clients import ClientRights, customer_clients
from crossdock.errors import ConfigError
from installer import tester
from installer.agents import AGENTS, SKILLS

HOST = "orchestrator"
PORT = 8001

RESERVED = frozenset(
    {name for agent in AGENTS for name in (agent.id, agent.path, agent.card)}
    | {HOST, "edge", "gateway", "grpc", "health", "installer", "keycloak", "localhost", "otel", "postgres"}
    | {"admin", "agents", "auth", "default", "prometheus", "realms", "redis"}
    | tester.OWNERS
    # Namespaces that clusters have for what is no customer's, some of which policies let in.
    | {"cert-manager", "dapr-system", "external-secrets", "ingress-nginx", "keda", "local-path-storage", "monitoring"}
    | {"nginx-gateway", "nginx-ingress", "observability"}
)


@dataclass(frozen=True)
class Customer:
    """Made by `named`, so that a name is safe in every syntax that it is written into."""

    name: str

    @property
    def card(self) -> str:
        return f"{self.name}-orchestrator"

    @property
    def host(self) -> str:
        return f"{HOST}-{self.name}"

    @property
    def clients(self) -> tuple[ClientRights, ClientRights]:
        return customer_clients(self.name, SKILLS)


def named(name: str) -> Customer:
    """Raises `ConfigError` for what cannot be a customer's name."""
    if not CUSTOMER.fullmatch(name):
        raise ConfigError(no_customer(name))
    if name in RESERVED:
        raise ConfigError(f"The name {name} is taken by the platform itself. Choose another for the customer.")
    if name.endswith(f"-{HOST}"):
        raise ConfigError(f"The name {name} ends as the names of orchestrators do. Choose another for the customer.")
    return Customer(name)


def described(name: str, folder: Path) -> Customer:
    """The customer of `folder/<name>.yaml`. Raises `ConfigError` if that is not its file; what else
    stands in it is for its orchestrator to check."""
    customer = named(name)
    path = folder / f"{name}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"Cannot read {path}: {error.strerror}. Write it first; acme.yaml explains each value."
        ) from None
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not YAML{_place(error)}. Mend it; acme.yaml there is an example.") from None
    block = content.get("customer") if isinstance(content, dict) else None
    inside = block.get("name") if isinstance(block, dict) else None
    if inside != name:
        raise ConfigError(f"{path} must say `customer: {{name: {name}}}`, as its own name does, not {inside!a:.80}.")
    return customer


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
