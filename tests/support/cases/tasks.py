"""What callers want: the demo's tasks for two customers, cards that lead there, and the CLI."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.types import ListTasksRequest

from crossdock.cards.building import CARD_PATHS
from installer.agents import AGENTS
from tests.support.operated import Operated
from tests.support.scenes import CUSTOMERS, play, store_contracts

PROGRAM = (sys.executable, "-m", "crossdock.cli")
LETTER = "Write to the dispatcher of the carrier: two pallets arrived crushed."


@pytest.mark.timeout(240)
async def test_the_demos_tasks_for_two_customers(system: Operated[Any]) -> None:
    await store_contracts(system)
    await play(system)


async def test_cards_carry_the_public_names(system: Operated[Any]) -> None:
    callers = {agent.path: (agent.card, "acme-orchestrator") for agent in AGENTS}
    callers |= {name: (f"{name}-orchestrator", f"{name}-caller") for name in CUSTOMERS}
    http = system.http()
    for name, (card, client) in callers.items():
        for path in CARD_PATHS:
            answer = await http.get(system.url_of(name) + path)
            assert (answer.status_code, answer.json()["name"]) == (httpx.codes.OK, card)
            assert _interfaces(answer.json()) <= {system.url_of(name), system.grpc_interface(name)}
        stub = system.grpc(name, await system.token(client))
        assert (await stub.ListTasks(ListTasksRequest(page_size=1))).total_size >= 0


def _interfaces(card: dict[str, Any]) -> set[str]:
    """Of all versions of the protocol."""
    found = {each["url"] for each in card.get("supportedInterfaces", [])}
    found |= {each["url"] for each in card.get("additionalInterfaces", [])}
    assert found
    return found | ({card["url"]} if "url" in card else set())


class Cli:
    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home, self._environment = home, {"PATH": os.environ["PATH"], "COLUMNS": "200", **environment}

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            *(*PROGRAM, *arguments, "--home", str(self._home)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


async def test_the_cli_works_from_outside(system: Operated[Any], tmp_path: Path) -> None:
    home, saved = tmp_path / "home", tmp_path / "saved"
    home.mkdir()
    async with system.profile(home) as environment:
        cli = Cli(home, environment)
        code, out, err = await cli.run("send", LETTER, "--save", str(saved))
        assert (code, "completed" in out) == (0, True), err
        assert any("crushed" in path.read_text() for path in saved.rglob("*.md"))
        code, out, err = await cli.run("tasks", "--json")
        assert (code, err) == (0, "")
        task_id = json.loads(out.splitlines()[0])["id"]
        assert (await cli.run("task", task_id))[0] == 0
        assert (await cli.run("task", task_id, "--customer", "globex"))[0] == 5
        code, out, err = await cli.run("card", "--customer", "globex", "--json")
        assert (code, json.loads(out)["name"]) == (0, "globex-orchestrator"), err
