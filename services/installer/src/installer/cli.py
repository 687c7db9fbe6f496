"""The command line: the operator's half, and `reconcile`, which runs inside the network."""

import asyncio
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crossdock.errors import ConfigError
from crossdock.settings import checked
from installer import machine
from installer.customer import named
from installer.machine import run
from installer.places import Place, chosen
from installer.public import Origin

EXAMPLES = """
Examples:

installer prepare

installer customer add initech

installer token acme
"""

app = typer.Typer(
    help="Prepare a place for Crossdock, and add and remove its customers. Every command can be run again.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
customer = typer.Typer(
    help="Add, remove and list customers while the system runs. Nothing that is shared restarts.", no_args_is_help=True
)
app.add_typer(customer, name="customer")
app.add_typer(machine.app, name="compose")


class Client(StrEnum):
    caller = "caller"
    orchestrator = "orchestrator"


PlaceName = Annotated[str, typer.Option("--place", envvar="PLACE", help="Where: compose is this machine.")]
Name = Annotated[str, typer.Argument(help="The customer's name, as in k8s/customers/NAME.yaml.")]


@app.command()
def prepare(place: PlaceName = "compose") -> None:
    """Write secrets, certificates and configuration that are missing; keep what is there.

    They stand in .crossdock/compose, which belongs to you alone. The certificate is for PUBLIC_HOST (localhost).
    """
    run(lambda: _place(place).prepare())


@customer.command("add")
def add(name: Name = "", place: PlaceName = "compose") -> None:
    """Install the customer of k8s/customers/NAME.yaml: secrets, clients, Redis user, orchestrator, gateway name."""
    began = time.monotonic()
    run(lambda: _place(place).add(_given(name, "customer")))
    typer.echo(f"{name} is served after {time.monotonic() - began:.1f} s.")


@customer.command("remove")
def remove(name: Name = "", place: PlaceName = "compose") -> None:
    """Undo `customer add`, and delete the orchestrator's tasks.

    What the shared agents hold of the customer's tasks is forgotten when its retention ends (an hour, by default).
    """

    def work() -> None:
        if _place(place).remove(_given(name, "customer-remove")):
            typer.echo(f"{name} is removed. The shared agents forget its tasks when their retention ends.")
        else:
            installed = ", ".join(each.name for each in _place(place).customers())
            typer.echo(f"There is nothing to remove: no customer {name} is installed here. Installed: {installed}.")

    run(work)


@customer.command("list")
def names(place: PlaceName = "compose") -> None:
    """Print the installed customers, one a line."""

    def work() -> None:
        for each in _place(place).customers():
            typer.echo(each.name)

    run(work)


@app.command()
def token(
    name: Name,
    client: Annotated[
        Client, typer.Option(help="Whose: the customer's callers', or its orchestrator's.")
    ] = Client.caller,
    place: PlaceName = "compose",
) -> None:
    """Print an access token of the customer, got through the gateway, and nothing else."""
    run(lambda: typer.echo(asyncio.run(_place(place).token(name, client.value))))


@app.command()
def reconcile(
    customers: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="By default all.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take these customers' rights and tasks away.")] = False,
) -> None:
    """Inside the network: bring Keycloak and Redis in line with the mounted secrets.

    Runs as a container: docker compose run --rm installer reconcile
    """
    from installer.reconciliation import forget, settle
    from installer.settings import Settings

    def work() -> None:
        chosen = [named(name) for name in customers or []]
        settings = checked(Settings)
        for line in asyncio.run((forget if remove else settle)(settings, chosen)):
            typer.echo(line)

    run(work)


def _given(name: str, target: str) -> str:
    if not name:
        raise ConfigError(f"Which customer? Give its name: make {target} NAME=initech")
    return name


def _place(name: str) -> Place:
    """Of the repository that we stand in."""
    return chosen(name, Path(), Path(".crossdock") / name, checked(Origin))
