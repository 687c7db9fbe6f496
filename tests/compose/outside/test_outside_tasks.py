"""The demo's tasks for two customers, with tokens of Keycloak, through the gateway; the CLI; and the cards."""

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
from tests.support.scenes import CUSTOMERS, play, store_contracts
from tests.support.stack import Stack


@pytest.fixture
async def stored(system: Stack) -> None:
    await store_contracts(system)


@pytest.mark.usefixtures("stored")
async def test_the_demos_tasks_for_two_customers(system: Stack) -> None:
    await play(system)


async def test_the_gateway_finds_the_orchestrator_of_the_tokens_customer(system: Stack) -> None:
    for customer in CUSTOMERS:
        own, shared = (
            await system.rpc(customer, f"{customer}-caller"),
            await system.rpc("orchestrator", f"{customer}-caller"),
        )
        task = await shared.send("Which museum should I see?")
        assert (await own.call("GetTask", {"id": task["id"]})).result["id"] == task["id"]


async def test_cards_carry_the_public_urls(system: Stack) -> None:
    http = system.http()
    cards = {agent.path: agent.card for agent in AGENTS} | {name: f"{name}-orchestrator" for name in CUSTOMERS}
    for name, card in cards.items():
        for path in CARD_PATHS:
            answer = await http.get(system.path(name) + path)
            assert (answer.status_code, answer.json()["name"]) == (httpx.codes.OK, card)
            for interface in _interfaces(answer.json()):
                assert interface == (system.url + system.path(name)) or interface == _grpc_authority(system, name)
        stub = system.grpc(
            name, await system.token(f"{CUSTOMERS[0]}-{'orchestrator' if name in _shared() else 'caller'}")
        )
        if name != CUSTOMERS[1]:
            assert (await stub.ListTasks(ListTasksRequest(page_size=1))).total_size >= 0


def _interfaces(card: dict[str, Any]) -> set[str]:
    found = {each["url"] for each in card.get("supportedInterfaces", [])}
    assert found
    return (
        found
        | {each["url"] for each in card.get("additionalInterfaces", [])}
        | ({card["url"]} if "url" in card else set())
    )


def _grpc_authority(system: Stack, name: str) -> str:
    return f"{name}.grpc.{system.authority}"


def _shared() -> set[str]:
    return {agent.path for agent in AGENTS}


async def cli(system: Stack, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crossdock.cli", *arguments, "--home", str(system.place.folder)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200"},
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def saved(folder: Path) -> list[Path]:
    return list(folder.rglob("*.md"))


async def test_the_cli_works_through_the_gateway(system: Stack, tmp_path: Path) -> None:
    code, out, err = await cli(
        system, "send", "Write to the dispatcher of the carrier: two pallets arrived crushed.", "--save", str(tmp_path)
    )
    assert (code, "completed" in out) == (0, True), err
    assert any("crushed" in path.read_text() for path in saved(tmp_path))
    code, out, err = await cli(system, "tasks", "--json")
    assert (code, err) == (0, "")
    task_id = json.loads(out.splitlines()[0])["id"]
    assert (await cli(system, "task", task_id))[0] == 0
    assert (await cli(system, "task", task_id, "--customer", "globex"))[0] == 5
    code, out, err = await cli(system, "card", "--customer", "globex", "--json")
    assert (code, json.loads(out)["name"]) == (0, "globex-orchestrator"), err
