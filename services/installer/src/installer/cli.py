"""The command line: the operator's half, and `reconcile`, which runs inside the network."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crossdock.errors import ConfigError
from crossdock.settings import checked
from installer import machine
from installer.customer import named
from installer.machine import run
from installer.places import Choices, Place, chosen

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


PlaceName = Annotated[
    str, typer.Option("--place", envvar="PLACE", help="Where: compose is this machine, cluster Kubernetes.")
]
State = Annotated[
    Path | None,
    typer.Option(envvar="STATE", help="Keep a cluster's secrets in this folder, not in its crossdock-system."),
]
Printed = Annotated[
    bool, typer.Option("--print", help="Print a cluster's manifests, secrets included, instead of applying them.")
]
Name = Annotated[str, typer.Argument(help="The customer's name, as in k8s/customers/NAME.yaml.")]


@app.command()
def prepare(place: PlaceName = "compose", state: State = None, printed: Printed = False) -> None:
    """Make secrets, certificates and configuration that are missing; keep what is there.

    compose: they stand in .crossdock/compose, which belongs to you alone. The certificate is for PUBLIC_HOST
    (localhost).

    cluster: they are Secrets, for pods and in crossdock-system. Applies OVERLAY (k8s/base), and brings Keycloak and
    Redis in line. The certificate is for DOMAIN (crossdock.localhost) and the names below it.
    """
    run(lambda: _place(place, state, printed).prepare())


@customer.command("add")
def add(name: Name = "", place: PlaceName = "compose", state: State = None, printed: Printed = False) -> None:
    """Install the customer of k8s/customers/NAME.yaml: secrets, clients, Redis user, orchestrator, gateway name.

    On a cluster the orchestrator is a Helm release: the command for it is printed.
    """
    run(
        lambda: typer.echo(_place(place, state, printed).add(_given(name, "customer")), err=printed),
        interrupted=f"Interrupted: {name} may be installed in part. `make customer NAME={name}` goes on, "
        f"`make customer-remove NAME={name}` takes away what was made.",
    )


@customer.command("remove")
def remove(name: Name = "", place: PlaceName = "compose", state: State = None, printed: Printed = False) -> None:
    """Undo `customer add`, and delete the orchestrator's tasks. On a cluster the customer's whole namespace goes.

    What the shared agents hold of the customer, tasks and contracts, is deleted too.
    """

    def work() -> None:
        there = _place(place, state, printed)
        if there.remove(_given(name, "customer-remove")):
            said = f"{name} is removed, with its tasks and contracts at the shared agents."
        else:
            installed = ", ".join(each.name for each in there.customers())
            said = f"There is nothing to remove: no customer {name} is installed here. Installed: {installed}."
        typer.echo(said, err=printed)

    run(work)


@customer.command("list")
def names(place: PlaceName = "compose", state: State = None) -> None:
    """Print the installed customers, one a line."""

    def work() -> None:
        for each in _place(place, state).customers():
            typer.echo(each.name)

    run(work)


@app.command()
def renew(
    secret: Annotated[str, typer.Argument(help="Its name, such as redis-acme-orchestrator.", metavar="SECRET")],
    place: PlaceName = "compose",
    state: State = None,
) -> None:
    """Make another password or key in the place of one that there is.

    A key that signs stays published behind the new one, until the next time.
    """
    run(lambda: typer.echo(_place(place, state).renew(secret)))


@app.command()
def token(
    name: Name,
    client: Annotated[
        Client, typer.Option(help="Whose: the customer's callers', or its orchestrator's.")
    ] = Client.caller,
    place: PlaceName = "compose",
    state: State = None,
) -> None:
    """Print an access token of the customer, got through the gateway, and nothing else."""
    run(lambda: typer.echo(asyncio.run(_place(place, state).token(name, client.value))))


@app.command()
def reconcile(
    customers: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="By default all.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take these customers' rights and data away.")] = False,
) -> None:
    """Inside the network: bring Keycloak and Redis in line with the mounted secrets.

    Runs as a container (docker compose run --rm installer reconcile), or as a Job of crossdock-system.
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


def _place(name: str, state: Path | None = None, printed: bool = False) -> Place:
    """Of the repository that we stand in."""
    return chosen(name, Path(), Choices(state, printed))
