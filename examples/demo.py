"""`make demo`: two customers, three shared agents, real tasks over A2A, and what came of them."""

import asyncio
import json
import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from a2a.types import ListTasksRequest, Message, Task, TaskState
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from crossdock.client.agent import AgentClient
from crossdock.client.patience import Away
from crossdock.console import EventPrinter, content, decision_table, save_artifacts
from crossdock.errors import CrossdockError, Failed
from crossdock.parts import plain
from crossdock.tasks.events import fold, state_name
from crossdock.tasks.journal import TaskUnknown
from examples.caller import add_contracts, caller, message
from examples.customers import FIRST, customer_files
from examples.inputs import contracts, folder, port_offset, shipments
from examples.interruption import Interrupted, interruptible
from examples.stack import Stack

OUTPUT = Path("demo-output")
COMPLETED = TaskState.TASK_STATE_COMPLETED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED


@dataclass(frozen=True)
class Scene:
    """A request of one customer; `expected` is the state in which its task comes to rest."""

    title: str
    customer: str
    text: str
    files: tuple[Path, ...] = ()
    expected: TaskState = COMPLETED
    plan: tuple[str, ...] = ()


def scenes() -> list[Scene]:
    deliveries = shipments()
    return [
        Scene(
            "Anomalies in a shipment file",
            "acme",
            "Which of these deliveries look wrong, and why?",
            (deliveries,),
            plan=("anomaly",),
        ),
        Scene(
            "A contract question, answered with the quoted clause",
            "acme",
            "What does our contract say about the penalty for late delivery, and is it capped?",
            plan=("contract",),
        ),
        Scene(
            "An escalation drafted from both",
            "acme",
            "Check these deliveries for anomalies, look up which penalty for late delivery the contract gives us, and "
            "write a complaint to the carrier's account manager. They have until Friday 16:00 to answer.",
            (deliveries,),
            plan=("anomaly", "contract", "escalation"),
        ),
        Scene(
            "A request that no agent fits",
            "acme",
            "Which museum should I see on a free afternoon in Lisbon?",
            expected=ASKS,
        ),
        Scene(
            "The same shared agents, for another customer",
            "globex",
            "Bitte die Lieferdaten auf Ausreißer prüfen.",
            (deliveries,),
            plan=("anomaly",),
        ),
    ]


class Demo:
    def __init__(self, console: Console, stack: Stack) -> None:
        self._console = console
        self._stack = stack

    async def play(self) -> None:
        tasks: dict[str, list[Task]] = {}
        for number, scene in enumerate(scenes(), 1):
            self._console.rule(f"[bold]{number}. {scene.title}[/bold]  ({scene.customer})", align="left")
            task = await self._scene(number, scene)
            tasks.setdefault(scene.customer, []).append(task)
        self._console.rule("[bold]6. What globex sees of acme's task[/bold]", align="left")
        await self._isolation(tasks["acme"][0])

    async def _scene(self, number: int, scene: Scene) -> Task:
        self._console.print(f"[italic]{escape(scene.text)}[/italic]  {' '.join(path.name for path in scene.files)}")
        orchestrator = self._stack.orchestrator(scene.customer)
        task = Task()
        printer = EventPrinter(self._console)
        async with caller(self._stack, orchestrator, f"{scene.customer}-caller") as agent:
            async for event in agent.send(message(scene.text, *scene.files)):
                printer.show(event)
                if not isinstance(event, Message | Away):
                    fold(task, event)
        if table := decision_table(task):
            self._console.print(table)
        self._show_artifacts(task)
        for path in save_artifacts(task, OUTPUT / f"{number}-{scene.customer}"):
            self._console.print(f"  wrote {path}", highlight=False, style="dim")
        self._check(scene, task)
        return task

    def _show_artifacts(self, task: Task) -> None:
        """The part of each result that a person reads first."""
        for artifact in task.artifacts:
            data = plain(artifact.parts[0].data) if artifact.parts and artifact.parts[0].HasField("data") else None
            if artifact.name == "anomalies" and data:
                found = f"[bold]{len(data['records'])} findings[/bold]"
                self._console.print(f"{found}; the first three (data count rows from 0, letters from 1):")
                for record in data["records"][:3]:
                    self._console.print(
                        f"  row {record['row']}  score {record['score']:.2f}  {escape('; '.join(record['reasons']))}",
                        highlight=False,
                    )
            elif artifact.name == "letter":
                self._console.print(Markdown(content(artifact.parts[0]).decode()))

    @staticmethod
    def _check(scene: Scene, task: Task) -> None:
        if task.status.state != scene.expected:
            raise Failed(
                f"{scene.title}: the task is {state_name(task.status.state)}, not {state_name(scene.expected)}."
            )
        plan = tuple(plain(task.metadata)["urn:crossdock:routing:v1"]["plan"])
        if plan != scene.plan:
            raise Failed(f"{scene.title}: went to {plan or 'nobody'}, not to {scene.plan or 'nobody'}.")
        if plan and not task.artifacts:
            raise Failed(f"{scene.title}: there is no artifact.")
        answers = [plain(artifact.parts[0].data) for artifact in task.artifacts if artifact.name == "answer"]
        if "contract" in plan and not any(answer["quotes"] for answer in answers):
            raise Failed(f"{scene.title}: no clause is quoted in {answers or [each.name for each in task.artifacts]}.")

    async def _isolation(self, task: Task) -> None:
        url = self._stack.agents["anomaly"]
        async with AsyncExitStack() as stack:
            acme = await stack.enter_async_context(caller(self._stack, url, "acme-orchestrator"))
            globex = await stack.enter_async_context(caller(self._stack, url, "globex-orchestrator"))
            shared = (await acme.list(ListTasksRequest(context_id=task.context_id))).tasks[0]
            theirs = (await globex.list(ListTasksRequest())).total_size
            self._console.print(
                f"The shared anomaly agent worked on acme's task {shared.id} and on {theirs} of globex's."
            )
            found = await acme.get(shared.id)
            self._console.print(f"  acme asks for it:    [green]{state_name(found.status.state)}[/green]")
            await self._refused(globex, shared.id)

    async def _refused(self, globex: AgentClient, task_id: str) -> None:
        try:
            await globex.get(task_id)
        except TaskUnknown:
            self._console.print("  globex asks for it:  [red]not found[/red]")
            return
        raise Failed("globex can see acme's task.")


async def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    try:
        files = customer_files()
        stack = Stack(OUTPUT / ".system", port_offset(), {name: files[name] for name in FIRST})
        return await interruptible(played(console, stack), stack.kill)
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except CrossdockError as error:
        console.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1


async def played(console: Console, stack: Stack) -> int:
    try:
        with console.status("Starting the token issuer, three shared agents and two orchestrators ..."):
            await stack.__aenter__()
        try:
            console.print(f"{stack.processes} processes are up; the data are in {folder()}.", highlight=False)
            for customer in stack.customers:
                added = await add_contracts(stack, customer, contracts(customer))
                console.print(f"{customer} has {added} contract{'s' * (added > 1)} at the shared contract agent.")
            await Demo(console, stack).play()
        finally:
            await stack.stop()
    finally:
        shutil.rmtree(stack.home / "secrets", ignore_errors=True)
    written = sorted(path for path in OUTPUT.rglob("*") if path.is_file() and ".system" not in path.parts)
    summary = {"artifacts": [str(path) for path in written]}
    (OUTPUT / "summary.json").write_text(json.dumps(summary, indent=2))
    console.rule(align="left")
    console.print(f"Done: {len(written)} artifacts in {OUTPUT}/. Next: `make run`, then `.venv/bin/crossdock --help`.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
