"""A caller of the local system: what a customer's own program would do with `crossdock.client`."""

import mimetypes
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from a2a.types import Message, Part, Role, Task, TaskState

from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.client.agent import AgentClient
from crossdock.client.patience import Away
from crossdock.client.pool import pooled_client
from crossdock.errors import Failed
from crossdock.extensions import SKILL
from crossdock.parts import struct, text_of
from crossdock.settings import read_secret
from crossdock.tasks.events import fold
from examples.stack import Stack


@asynccontextmanager
async def caller(stack: Stack, url: str, client_id: str) -> AsyncIterator[AgentClient]:
    """A client of the agent at `url` with tokens of the OAuth client `client_id`."""
    async with pooled_client() as http:
        tokens = TokenSource(http, stack.issuer, client_id, lambda: read_secret(stack.secret_file(client_id)))
        http.auth = BearerAuth(tokens, origins=[url])
        try:
            yield AgentClient(url, http, CardCache(http))
        finally:
            await tokens.close()


def message(text: str = "", *files: Path, skill: str = "", context_id: str = "", task_id: str = "") -> Message:
    parts = [Part(text=text)] if text else []
    for path in files:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        parts.append(Part(raw=path.read_bytes(), filename=path.name, media_type=kind))
    built = Message(
        message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=parts, context_id=context_id, task_id=task_id
    )
    if skill:
        built.metadata.CopyFrom(struct({SKILL: skill}))
    return built


async def add_contracts(stack: Stack, customer: str, paths: list[Path]) -> int:
    """Has a customer's contracts stored, by way of its orchestrator. Raises `Failed` for one that is not."""
    async with caller(stack, stack.orchestrator(customer), f"{customer}-caller") as agent:
        for path in paths:
            task = Task()
            async for event in agent.send(message("", path, skill="add_contract")):
                if not isinstance(event, Message | Away):
                    fold(task, event)
            if task.status.state != TaskState.TASK_STATE_COMPLETED:
                raise Failed(f"{path} was not stored for {customer}: {text_of(task.status.message)}")
    return len(paths)
