"""The demo's tasks for two customers, on any place."""

from dataclasses import replace

from a2a.types import ListTasksRequest, Message, Task, TaskState

from crossdock.client.patience import Away
from crossdock.tasks.events import fold
from examples.caller import message
from examples.demo import Demo, Scene, scenes
from examples.inputs import contracts
from installer.agents import AGENTS
from tests.support.served import Served

CUSTOMERS = ("acme", "globex")
TABLE, QUESTION, ESCALATION, NOBODY, GERMAN = scenes()
SCENES = [
    *(replace(scene, customer=customer) for customer in CUSTOMERS for scene in (TABLE, QUESTION, ESCALATION)),
    NOBODY,
    GERMAN,
]


async def done(system: Served, customer: str, sent: Message) -> Task:
    task = Task()
    async for event in system.agent(customer, f"{customer}-caller").send(sent):
        if not isinstance(event, Message | Away):
            fold(task, event)
    return task


async def store_contracts(system: Served) -> None:
    """All of them for each customer, as both ask the same; one that is there already is stored in its place."""
    for customer in CUSTOMERS:
        for path in contracts(CUSTOMERS[0]):
            task = await done(system, customer, message("", path, skill="add_contract"))
            assert task.status.state == TaskState.TASK_STATE_COMPLETED, task.status


async def play(system: Served) -> None:
    """All of them; each ends as the demo wants it to, and is seen by its customer alone."""
    for scene in SCENES:
        task = await done(system, scene.customer, message(scene.text, *scene.files))
        Demo._check(scene, task)
        await _only_its_customer_sees_it(system, scene, task)


async def _only_its_customer_sees_it(system: Served, scene: Scene, task: Task) -> None:
    for name in [agent.path for agent in AGENTS if agent.id in scene.plan]:
        for customer in CUSTOMERS:
            found = await system.agent(name, f"{customer}-orchestrator").list(
                ListTasksRequest(context_id=task.context_id)
            )
            assert len(found.tasks) == (customer == scene.customer), name
