"""What callers want: the demo's tasks for two customers, cards that lead there, and the CLI."""

from tests.support.cases.tasks import *  # noqa: F403
from tests.support.scenes import CUSTOMERS
from tests.support.stack import Stack


async def test_the_gateway_finds_the_orchestrator_of_the_tokens_customer(system: Stack) -> None:
    for customer in CUSTOMERS:
        own, shared = (
            await system.rpc(customer, f"{customer}-caller"),
            await system.rpc("orchestrator", f"{customer}-caller"),
        )
        task = await shared.send("Which museum should I see?")
        assert (await own.call("GetTask", {"id": task["id"]})).result["id"] == task["id"]
