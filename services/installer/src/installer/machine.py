"""The commands for the system of this machine, as the Makefile calls them."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from crossdock.errors import CrossdockError
from crossdock.settings import checked
from installer import launch
from installer.compose import ComposePlace, compose_place
from installer.images import measured
from installer.preflight import Settings
from installer.realm import TOKEN_SECONDS

app = typer.Typer(help="Start, look at and remove the system on this machine.", no_args_is_help=True)

Services = Annotated[list[str] | None, typer.Argument(help="Some services; by default all.")]
TEXT = "Draft an escalation to the dispatcher at dispatch@carrier.example: two pallets from Kiel arrived crushed."
TOKEN_MINUTES = TOKEN_SECONDS // 60
REQUEST = (
    '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m1","role":"ROLE_USER",'
    f'"parts":[{{"text":"{TEXT}"}}]}}}}}}'
)


@app.command()
def up() -> None:
    """Build what has changed, start everything, wait until it is healthy."""

    def work() -> None:
        place = compose_place(Path(), starting=True)
        launch.up(place, _settings(place), typer.echo)
        typer.echo(_summary(place))

    run(work)


@app.command()
def down() -> None:
    """Stop everything and remove it, with its data and its secrets."""
    run(lambda: launch.down(_place()))


@app.command()
def images() -> None:
    """Build all images; print their sizes, and how long each takes to start."""
    run(lambda: typer.echo(measured(launch.build(_place().docker))))


@app.command()
def ps() -> None:
    """List the containers."""
    columns = "table {{.Name}}\t{{.Status}}\t{{.Image}}"
    run(lambda: sys.exit(_place().docker.attached("ps", "--all", "--format", columns)))


@app.command()
def logs(services: Services = None) -> None:
    """Follow the logs, from the last hundred lines on."""

    def work() -> None:
        docker = _place().docker
        docker.check_known(services or [])
        sys.exit(docker.attached("logs", "--follow", "--tail", "100", *(services or [])))

    run(work)


def _place() -> ComposePlace:
    return compose_place(Path())


def _settings(place: ComposePlace) -> Settings:
    given = place.docker.variables
    return checked(Settings, https_port=given["HTTPS_PORT"], http_port=given["HTTP_PORT"])


def _summary(place: ComposePlace) -> str:
    url, authority = place.origin.url, place.authority.certificate_file
    names = [customer.name for customer in place.customers()]
    return f"""
{url}/agents/NAME, with NAME one of {", ".join(names)}; anomaly, contracts, escalation; or orchestrator
for that of the token's customer. The certificate authority is {authority}.

A token, for {TOKEN_MINUTES} minutes:
  TOKEN=$(make -s token CUSTOMER={names[0]})
A request with curl:
  curl -s --cacert {authority} {url}/agents/{names[0]} -H "Authorization: Bearer $TOKEN" \\
    -H 'A2A-Version: 1.0' -H 'Content-Type: application/json' -d {shlex.quote(REQUEST)}
Or with the CLI:
  .venv/bin/crossdock send --home {place.folder} "{TEXT}"
"""


def run(work: Callable[[], object], interrupted: str = "") -> None:
    """Every error becomes one line that says what to do; `interrupted` says it after Ctrl-C."""
    try:
        work()
    except CrossdockError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        if interrupted:
            typer.echo(f"\n{interrupted}", err=True)
        raise typer.Exit(130) from None
