"""What the gateway serves: a name for each agent and each customer, and the files that say so to nginx."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template

from crossdock.errors import ConfigError
from installer.agents import AGENTS
from installer.customer import PORT, Customer


@dataclass(frozen=True)
class Route:
    """`/agents/<name>` and `<name>.grpc.<public host>` lead to the service `card` at `host`."""

    name: str
    host: str
    port: int
    card: str

    def rendered(self, template: str, public_host: str) -> str:
        """Raises `ConfigError` for a template that asks for something else."""
        values = {
            "NAME": self.name,
            "HOST": self.host,
            "PORT": str(self.port),
            "GRPC_PORT": str(self.port + 2000),
            "CARD": self.card,
            "PUBLIC_HOST": public_host,
        }
        try:
            return Template(template).substitute(values)
        except (KeyError, ValueError) as error:
            raise ConfigError(f"The gateway's template for a name asks for {error}. Mend the template.") from None


def routes(customers: Iterable[Customer]) -> list[Route]:
    return [
        *(Route(agent.path, agent.id, agent.port, agent.card) for agent in AGENTS),
        *(Route(customer.name, customer.host, PORT, customer.card) for customer in customers),
    ]


def read_templates(folder: Path) -> dict[str, str]:
    """`name.<ending>.template` by its ending: each name gets a file for each."""
    try:
        found = {path.name.split(".")[1]: path.read_text(encoding="utf-8") for path in folder.glob("name.*.template")}
    except OSError as error:
        raise ConfigError(f"Cannot read the gateway's templates in {folder}: {error.strerror}.") from None
    if not found:
        raise ConfigError(
            f"There is no name.*.template in {folder}. Run the installer in the folder of the repository."
        )
    return found
