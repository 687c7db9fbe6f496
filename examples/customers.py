"""The customers of this repository: each has a file of its own, and here a port for its orchestrator."""

from pathlib import Path

from crossdock.errors import ConfigError
from orchestrator.customer import load

FOLDER = Path(__file__).resolve().parent.parent / "k8s" / "customers"
FIRST = ("acme", "globex")
"""Their ports are documented: a new customer, whatever its name, moves neither."""
FIRST_PORT, STEP = 8001, 10


def customer_files(folder: Path = FOLDER) -> dict[str, Path]:
    """Each customer's file, the documented customers first, the others by name. Raises `ConfigError`."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.yaml")):
        name = load(path).name
        if name in found:
            raise ConfigError(f"{found[name]} and {path} are both of the customer {name}. Keep one of them.")
        found[name] = path
    if not found:
        raise ConfigError(f"There is no customer in {folder}. Add one: acme.yaml there explains each value.")
    order = sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return {name: found[name] for name in order}


def port(customers: list[str], name: str) -> int:
    """8001 for acme and 8011 for globex, also where one of them is absent; 8021, 8031, ... for the others."""
    order = [*FIRST, *(customer for customer in customers if customer not in FIRST)]
    return FIRST_PORT + STEP * order.index(name)
