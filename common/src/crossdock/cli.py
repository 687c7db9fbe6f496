"""The `crossdock` command: tokens, cards and tasks from a terminal."""

import asyncio
import functools
import inspect
import mimetypes
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from a2a.types import ListTasksRequest, Message, Part, Role, Task, TaskState
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crossdock.cards.caching import CardCache
from crossdock.client.patience import Away
from crossdock.console import EventPrinter, as_json, decision_table, describe, save_artifacts
from crossdock.errors import ConfigError, CrossdockError, Forbidden, TryLater, Unauthenticated, Unreachable
from crossdock.extensions import SKILL
from crossdock.ids import new_id
from crossdock.parts import struct, text_of
from crossdock.target import CaFile, Connection, Customer, Home, Target, Url
from crossdock.tasks.events import fold, state_name
from crossdock.tasks.journal import TaskUnknown

EXIT_CODES = {
    0: "done",
    1: "the task or the call failed, was rejected or was canceled",
    2: "wrong usage or settings",
    3: "nobody answers, or try later",
    4: "the token is refused, or lacks a role",
    5: "there is no such task",
    6: "the agent asks for input",
    130: "interrupted; a task that was begun goes on",
}

app = typer.Typer(
    help="Send tasks to Crossdock's orchestrators and look at what became of them.",
    epilog="\n\n".join(["Exit codes:", *(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())]),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="A2A's JSON, one object a line.")]
Work = Callable[..., Coroutine[Any, Any, int]]
TaskId = Annotated[str, typer.Argument(help="A task id.")]

EXITS: list[tuple[type[CrossdockError], int]] = [
    (TaskUnknown, 5),
    (Unauthenticated, 4),
    (Forbidden, 4),
    (TryLater, 3),
    (ConfigError, 2),
    (CrossdockError, 1),
]


def _run(work: Coroutine[Any, Any, int]) -> NoReturn:
    """Runs a command; every error becomes one line that says what to do, and its exit code."""
    try:
        code = asyncio.run(work)
    except CrossdockError as error:
        text = str(error) if not isinstance(error, TaskUnknown) else "There is no such task for this customer."
        hint = " Is it running?" if isinstance(error, Unreachable) else ""
        err.print(f"[red]error:[/red] {escape(text)}{hint}", highlight=False, soft_wrap=True)
        code = next(code for kind, code in EXITS if isinstance(error, kind))
    except KeyboardInterrupt:
        err.print("Interrupted. The task goes on; `crossdock cancel` stops it.")
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _command(work: Work) -> Work:
    """Makes a command of an async function, whose parameter `target` becomes the common options."""
    common = inspect.signature(Target).parameters
    own = [parameter for name, parameter in inspect.signature(work).parameters.items() if name != "target"]

    @functools.wraps(work)
    def command(**values: Any) -> None:
        target = Target(**{name: values.pop(name) for name in common})
        _run(work(target=target, **values))

    parameters = [*own, *common.values()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command()(command)
    return work


@app.command()
def token(customer: Customer = "acme", ca_file: CaFile = None, home: Home = Path(".crossdock")) -> None:
    """Print a bearer token of the customer's callers, and nothing else."""

    async def work() -> int:
        target = Target(customer, ca_file=ca_file, home=home)
        async with httpx.AsyncClient(timeout=10.0, verify=target.trust()) as http:
            print(await target.tokens(http).token())
        return 0

    _run(work())


@app.command()
def card(
    customer: Customer = "acme",
    url: Url = "",
    ca_file: CaFile = None,
    home: Home = Path(".crossdock"),
    as_json_: AsJson = False,
) -> None:
    """Show an agent's public card."""

    async def work() -> int:
        target = Target(customer, url, ca_file=ca_file, home=home)
        async with httpx.AsyncClient(timeout=10.0, verify=target.trust()) as http:
            found = await CardCache(http).get(target.address())
        if as_json_:
            out.print_json(data=MessageToDict(found))
            return 0
        table = Table(title=f"{found.name} {found.version}", title_justify="left")
        for column in ("skill", "what it does", "say for example"):
            table.add_column(column, overflow="fold")
        for skill in found.skills:
            table.add_row(skill.id, escape(skill.description), escape(skill.examples[0] if skill.examples else ""))
        out.print(escape(found.description))
        out.print(table)
        return 0

    _run(work())


@_command
async def send(
    target: Target,
    text: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")] = "",
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="A file to send along; repeatable.")] = None,
    task_id: Annotated[str, typer.Option("--task", help="Answer a task that asked for input.")] = "",
    context_id: Annotated[str, typer.Option("--context", help="Go on in an earlier conversation.")] = "",
    skill: Annotated[str, typer.Option("--skill", help="Skill id; inferred if left out.")] = "",
    save: Annotated[Path | None, typer.Option("--save", help="Folder to write the artifacts to.")] = None,
    as_json_: AsJson = False,
) -> int:
    """Send a request and watch it being done."""
    message = _message(_text(text), file or [], task_id, context_id, skill)
    printer = EventPrinter(out)
    task = Task()
    async with Connection(target) as agent:
        async for event in agent.send(message):
            if not as_json_:
                printer.show(event)
            elif not isinstance(event, Away):
                print(as_json(event), flush=True)
            if not isinstance(event, Message | Away):
                fold(task, event)
    if save:
        for path in save_artifacts(task, save):
            err.print(f"wrote {path}", highlight=False)
    if task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED and not as_json_:
        answer = f'Answer with: crossdock send{target.options()} --task {task.id} "..."'
        out.print(answer, highlight=False, markup=False, soft_wrap=True)
    return _exit_code(task)


def _text(argument: str) -> str:
    try:
        text = sys.stdin.read() if argument == "-" else argument
        text.encode()
    except UnicodeError:
        raise ConfigError("The request is not text in UTF-8. Convert it, or send it as a --file.") from None
    return text


def _message(text: str, files: list[Path], task_id: str, context_id: str, skill: str) -> Message:
    if not text.strip() and not files:
        raise ConfigError("There is nothing to send: give a text, a --file, or both.")
    parts = [Part(text=text)] if text.strip() else []
    for path in files:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        parts.append(Part(raw=raw, filename=path.name, media_type=kind))
    message = Message(message_id=new_id(), role=Role.ROLE_USER, parts=parts, task_id=task_id, context_id=context_id)
    if skill:
        message.metadata.CopyFrom(struct({SKILL: skill}))
    return message


def _exit_code(task: Task) -> int:
    state = task.status.state
    if state in {TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED}:
        return 6
    return 0 if not task.id or state == TaskState.TASK_STATE_COMPLETED else 1


@_command
async def tasks(
    target: Target,
    context_id: Annotated[str, typer.Option("--context", help="Only this conversation.")] = "",
    state: Annotated[str, typer.Option("--state", help="Only this state, such as completed.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many.")] = 20,
    as_json_: AsJson = False,
) -> int:
    """List the customer's tasks, the latest first."""
    request = ListTasksRequest(context_id=context_id, page_size=limit, history_length=1)
    if state:
        request.status = _state(state)  # type: ignore[assignment] # the stub's enum is an int
    async with Connection(target) as agent:
        page = await agent.list(request)
    if as_json_:
        for task in page.tasks:
            print(as_json(task))
        return 0
    out.print(f"{len(page.tasks)} of {page.total_size} tasks, changed when (UTC), and the last word on each:")
    for task in page.tasks:
        changed = task.status.timestamp.ToDatetime().strftime("%d %b %H:%M")
        out.print(f"{task.id}  {changed}  {state_name(task.status.state)}", highlight=False, soft_wrap=True)
        out.print(f"  [dim]{escape(_last_word(task))}[/dim]", highlight=False, no_wrap=True, overflow="ellipsis")
    return 0


def _state(name: str) -> int:
    wanted = f"TASK_STATE_{name.upper().replace('-', '_')}"
    if wanted not in TaskState.keys():  # noqa: SIM118 - a protobuf enum wrapper is no mapping
        known = ", ".join(key.removeprefix("TASK_STATE_").lower() for key in TaskState.keys())  # noqa: SIM118
        raise ConfigError(f"There is no state {name!r}; there are: {known}.")
    return TaskState.Value(wanted)


def _last_word(task: Task) -> str:
    """On one line."""
    said = text_of(task.status.message) or (text_of(task.history[-1]) if task.history else "")
    return " ".join(said.split())


async def _get(target: Target, task_id: str) -> Task:
    async with Connection(target) as agent:
        return await agent.get(task_id)


@_command
async def task(
    target: Target,
    task_id: TaskId,
    save: Annotated[Path | None, typer.Option("--save", help="Folder to write the artifacts to.")] = None,
    as_json_: AsJson = False,
) -> int:
    """Show one task: its state, its conversation and its artifacts."""
    found = await _get(target, task_id)
    if as_json_:
        print(as_json(found))
    else:
        _show(found)
    if save:
        for path in save_artifacts(found, save):
            err.print(f"wrote {path}", highlight=False)
    return 0


def _show(found: Task) -> None:
    out.print(f"[bold]{state_name(found.status.state)}[/bold]  task {found.id}  context {found.context_id}")
    for message in [*found.history, found.status.message]:
        if text_of(message):
            who = "agent" if message.role == Role.ROLE_AGENT else "caller"
            out.print(f"  [dim]{who}:[/dim] {escape(text_of(message))}", highlight=False)
    for artifact in found.artifacts:
        out.print(f"  [cyan]artifact[/cyan] {escape(describe(artifact))}", highlight=False)


@_command
async def cancel(target: Target, task_id: TaskId) -> int:
    """Stop a task."""
    async with Connection(target) as agent:
        stopped = await agent.cancel(task_id)
    out.print(f"{state_name(stopped.status.state)}  task {stopped.id}")
    return 0


@_command
async def why(target: Target, task_id: TaskId) -> int:
    """Explain how a task was routed, and by what."""
    table = decision_table(await _get(target, task_id))
    if table is None:
        raise ConfigError("This task has no routing decision: only orchestrators route.")
    out.print(table)
    return 0


def main() -> None:
    app()


if __name__ == "__main__":
    main()
