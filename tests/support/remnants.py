"""What a customer keeps at the shared agents, as their database has it: nothing may be left of one that is removed."""

from typing import Any

from a2a.types import TaskState

from examples.caller import message
from examples.inputs import contracts
from tests.support.operated import Operated
from tests.support.scenes import done


async def leave_a_contract(system: Operated[Any], customer: str) -> None:
    task = await done(system, customer, message("", contracts(customer)[0], skill="add_contract"))
    assert task.status.state == TaskState.TASK_STATE_COMPLETED, task.status
    assert await kept_contracts(system, customer) == 1


async def kept_contracts(system: Operated[Any], customer: str) -> int:
    query = f"SELECT count(*) FROM contracts WHERE customer = '{customer}'"
    words = ("psql", "--no-psqlrc", "--username", "postgres", "--dbname", "contracts", "--tuples-only", "--no-align")
    (server,) = await system.replicas("postgres")
    return int(await system.execute(server, *words, "--command", query))
