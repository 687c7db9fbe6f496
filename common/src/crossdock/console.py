"""Tasks as people read them in a terminal."""

import json
import re
import time
from pathlib import Path
from typing import Any

from a2a.types import Artifact, Message, Part, Task, TaskArtifactUpdateEvent, TaskState
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crossdock.client.conversation import Heard
from crossdock.client.patience import Away
from crossdock.errors import ConfigError
from crossdock.extensions import PROGRESS, ROUTING
from crossdock.parts import media_type, plain, text_of
from crossdock.tasks.events import Event, state_name

COLORS = {
    TaskState.TASK_STATE_COMPLETED: "green",
    TaskState.TASK_STATE_FAILED: "red",
    TaskState.TASK_STATE_REJECTED: "red",
    TaskState.TASK_STATE_CANCELED: "yellow",
    TaskState.TASK_STATE_INPUT_REQUIRED: "magenta",
    TaskState.TASK_STATE_AUTH_REQUIRED: "magenta",
}
PREVIEW = 1_500
"""Longer texts are for files, not for the terminal."""
EXTENSIONS = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/json": ".json",
    "image/png": ".png",
    "message/rfc822": ".eml",
}


class EventPrinter:
    """Prints events as they arrive, with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def show(self, event: Heard) -> None:
        for text in _lines(event):
            seconds = time.monotonic() - self._started
            self._console.print(f"[dim]{seconds:6.2f} s[/dim]  {text}", highlight=False, soft_wrap=True)


def _lines(event: Heard) -> list[str]:
    if isinstance(event, Away):
        return [f"[yellow]{escape(event.text)}[/yellow]"]
    if isinstance(event, Message):
        return [f"[green]message[/green]  {escape(text_of(event))}"]
    if isinstance(event, TaskArtifactUpdateEvent):
        return [f"[cyan]artifact[/cyan]  {escape(describe(event.artifact))}{escape(_preview(event.artifact))}"]
    state = event.status.state
    text = escape(text_of(event.status.message))
    metadata = plain(event.metadata)
    if isinstance(event, Task):
        text = f"task {event.id}  context {event.context_id}"
    elif ROUTING in metadata:
        decision = metadata[ROUTING]
        plan = " → ".join(decision["plan"]) or "ask back"
        why = f"{decision['method']}: {decision['reason']}"
        text = f"[bold]routing[/bold]  {escape(plan)}  [dim]({escape(why)})[/dim]"
    elif not text and state == TaskState.TASK_STATE_WORKING:
        return []
    fraction = metadata.get(PROGRESS, {}).get("fraction") if PROGRESS in metadata else None
    share = f" [dim]{fraction:.0%}[/dim]" if fraction is not None else ""
    color = COLORS.get(state, "blue")
    return [f"[{color}]{state_name(state)}[/{color}]{share}  {text}"]


def _preview(artifact: Artifact) -> str:
    """What a person would read at once: short texts."""
    texts = [content(part).decode(errors="replace") for part in artifact.parts if media_type(part).startswith("text/")]
    whole = "\n".join(texts).strip()
    if not whole or len(whole) > PREVIEW:
        return ""
    return "\n" + "\n".join(f"            {line}" for line in whole.splitlines())


def describe(artifact: Artifact) -> str:
    """`anomalies (application/json, 12.3 KiB)`"""
    sizes = [f"{media_type(part)}, {len(content(part)) / 1024:.1f} KiB" for part in artifact.parts]
    return f"{artifact.name or artifact.artifact_id} ({'; '.join(sizes)})"


def content(part: Part) -> bytes:
    """What the part holds, as a file would."""
    kind = part.WhichOneof("content")
    if kind == "raw":
        return part.raw
    if kind == "data":
        return json.dumps(plain(part.data), indent=2, ensure_ascii=False).encode()
    return (part.text or part.url).encode()


def save_artifacts(task: Task, folder: Path) -> list[Path]:
    """Writes each artifact of `task` into `folder`, which is made for the first; a name never leads out of it."""
    files = {
        folder / _file_name(artifact, part, number): content(part)
        for artifact in task.artifacts
        for number, part in enumerate(artifact.parts)
    }
    try:
        for path, data in files.items():
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {folder}: {error.strerror}. The task {task.id} keeps it for now."
        ) from error
    return list(files)


def _file_name(artifact: Artifact, part: Part, number: int) -> str:
    agent = plain(artifact.metadata).get("agent", "")
    name = f"{agent}-{artifact.name or artifact.artifact_id}" if agent else artifact.name or artifact.artifact_id
    stem = re.sub(r"[^\w.-]+", "_", name).strip("._") or "artifact"
    ending = EXTENSIONS.get(media_type(part), Path(part.filename).suffix or ".bin")
    stem = stem.removesuffix(ending)
    return f"{stem}{f'-{number + 1}' if number else ''}{ending}"


def decision_table(task: Task) -> Table | None:
    """The routing decision in a task's metadata; None where there is none."""
    decision: dict[str, Any] | None = plain(task.metadata).get(ROUTING)
    if not decision:
        return None
    table = Table(title=f"Why task {task.id} was routed as it was", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = {
        "plan": " → ".join(decision["plan"]) or "(asked back)",
        "method": decision["method"],
        "reason": decision["reason"],
        "rule": decision.get("rule") or "",
        "scores": ", ".join(f"{agent} {score:.2f}" for agent, score in decision.get("scores", {}).items()),
        "candidates": ", ".join(map(str, decision.get("candidates", []))),
        "cards": ", ".join(f"{agent} {version}" for agent, version in decision.get("cards", {}).items()),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, escape(str(value)))
    return table


def as_json(event: Event | Message) -> str:
    """One event on one line, as A2A's JSON."""
    return json.dumps(MessageToDict(event), ensure_ascii=False)
