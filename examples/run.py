"""`make run`: the local system, until Ctrl-C."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from crossdock.errors import CrossdockError
from examples.caller import add_contracts
from examples.inputs import contracts, port_offset
from examples.interruption import Interrupted, interruptible
from examples.stack import Stack

console = Console()
HOME = Path(os.environ.get("CROSSDOCK_HOME", ".crossdock"))


def show(stack: Stack) -> None:
    console.print(f"[bold]Crossdock is up:[/bold] {stack.processes} processes.", highlight=False)
    table = Table(box=None)
    for column in ("card name", "URL", "gRPC", "health and metrics"):
        table.add_column(column, no_wrap=True)
    rows = [(f"{name}-orchestrator", stack.orchestrator(name)) for name in stack.customers]
    rows += [(f"{agent}-agent", url) for agent, url in stack.agents.items()]
    for name, url in rows:
        port = int(url.rsplit(":", 1)[1])
        table.add_row(name, url, f":{port + 2000}", f":{port + 1000}/readyz, /metrics")
    table.add_row("(dev token issuer)", stack.issuer, "", "/healthz")
    console.print(table)
    home = f" --home {HOME}" if Path(".crossdock") != HOME else ""
    console.print(
        "\nA token:  [bold]TOKEN=$(.venv/bin/crossdock token --customer acme" + home + ")[/bold]", soft_wrap=True
    )
    console.print("A request with curl:", soft_wrap=True)
    body = (
        '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m1","role":"ROLE_USER",'
        '"parts":[{"text":"Which late delivery penalty does the contract set?"}]}}}'
    )
    print(
        f"  curl -s {stack.orchestrator('acme')}/ -H \"Authorization: Bearer $TOKEN\" -H 'A2A-Version: 1.0' \\\n"
        f"    -H 'Content-Type: application/json' -d '{body}'"
    )
    console.print("Or with the CLI:")
    print(f'  .venv/bin/crossdock send{home} "Which late delivery penalty does the contract set?"')
    console.print(f"\nLogs are in {HOME / 'logs'}. Ctrl-C stops everything.")


async def watch(stack: Stack) -> None:
    """Without end; names a process that ends."""
    told: set[str] = set()
    while True:
        for name, tail in stack.exited().items():
            if name not in told:
                told.add(name)
                console.print(f"[red]{name} has ended.[/red] Ctrl-C, then `make run` starts it again. Its last lines:")
                print(tail)
        await asyncio.sleep(1.0)


async def up(stack: Stack) -> int:
    """Until it is cancelled."""
    names = ", ".join(stack.customers)
    with console.status(f"Starting the token issuer, three shared agents and the orchestrators of {names} ..."):
        await stack.__aenter__()
    try:
        for customer in stack.customers:
            await add_contracts(stack, customer, contracts(customer))
        show(stack)
        await watch(stack)
    finally:
        say("Stopping; running tasks have a few seconds. Ctrl-C again kills what is left.")
        await stack.stop()
    return 0


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        console.print(text)


async def main() -> int:
    try:
        stack = Stack(HOME, port_offset())
        return await interruptible(up(stack), stack.kill)
    except Interrupted:
        say("Stopped.")
        return 0
    except CrossdockError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        return 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
