"""`python -m crossdock.acceptance`: whether an installed agent keeps its promises to callers; what `helm test` runs."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from a2a.types import Message, Part, Role, Task, TaskState
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.client.agent import AgentClient
from crossdock.client.calls import ClientPolicy
from crossdock.client.patience import Away
from crossdock.errors import CrossdockError, Forbidden, Unauthenticated
from crossdock.settings import checked, read_secret
from crossdock.tasks.events import TERMINAL, fold, state_name
from crossdock.tasks.journal import TaskUnknown


class Settings(BaseSettings):
    """Two OAuth clients: one whose tokens are for this card, and another one whose tokens are for other cards. And a
    third one, where another customer may call the card, too."""

    model_config = SettingsConfigDict(env_prefix="CROSSDOCK_", frozen=True, extra="forbid")

    url: str = Field(description="The agent's URL, inside.")
    card: str = Field(description="The name that its card must have.")
    issuer: str = Field(description="URL of the OIDC issuer.")
    issuer_discovery_url: str = Field("", description="Where the issuer's discovery document is, if not at the issuer.")
    client_id: str = Field(description="OAuth client that may call the card.")
    client_secret_file: Path = Field(description="File that holds its secret.")
    other_client_id: str = Field(description="OAuth client that may call other cards only.")
    other_secret_file: Path = Field(description="File that holds its secret.")
    stranger_client_id: str = Field("", description="OAuth client of another customer that may call the card, if any.")
    stranger_secret_file: Path | None = Field(None, description="File that holds its secret.")
    task_seconds: float = Field(60.0, gt=0, description="How long the task may take.")


class Broken(Exception):
    """The text says what was promised, and what came."""


async def accept(settings: Settings) -> AsyncIterator[str]:
    """Yields what holds, line by line. Raises `Broken` or `CrossdockError`."""
    async with _called(settings, settings.client_id, settings.client_secret_file) as agent:
        name = (await agent.card()).name
        if name != settings.card:
            raise Broken(f"The card at {settings.url} is {name}'s; {settings.card} was expected.")
        yield f"the card is {name}'s"
        task = await _worked(agent)
        yield f"task {task.id} came to rest as {state_name(task.status.state)}"
        async for line in _apart(agent, task, settings):
            yield line
    async with _called(settings, settings.other_client_id, settings.other_secret_file) as agent:
        await _refused(agent, task, settings)
        yield f"a token of {settings.other_client_id}, which is for other cards, is refused"


async def _apart(agent: AgentClient, task: Task, settings: Settings) -> AsyncIterator[str]:
    """Whether customers see their own tasks alone. A card of one customer knows no other one's."""
    stranger, secret_file = settings.stranger_client_id, settings.stranger_secret_file
    if not stranger or not secret_file:
        await _not_found(agent, str(uuid.uuid4()), "nobody")
        yield "a task id that is nobody's is not found; no other customer's client was given to try its tasks"
        return
    async with _called(settings, stranger, secret_file) as other:
        theirs = await _worked(other)
        await _not_found(other, task.id, settings.client_id)
        await _not_found(agent, theirs.id, stranger)
    yield f"tasks of {stranger}, another customer's, are found by it alone"


@asynccontextmanager
async def _called(settings: Settings, client_id: str, secret_file: Path) -> AsyncIterator[AgentClient]:
    async with httpx.AsyncClient(timeout=httpx.Timeout(10.0, read=40.0)) as http:
        discovery = settings.issuer_discovery_url
        tokens = TokenSource(
            http, settings.issuer, client_id, lambda: read_secret(secret_file), discovery_url=discovery
        )
        http.auth = BearerAuth(tokens, origins=[settings.url])
        policy = ClientPolicy(seconds=settings.task_seconds)
        try:
            yield AgentClient(settings.url, http, CardCache(http), name=settings.card, policy=policy)
        finally:
            await tokens.close()


async def _worked(agent: AgentClient) -> Task:
    """Any rest but a failure will do: what the words mean to this agent is not known here."""
    message = Message(message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=[Part(text="Is anybody there?")])
    task = Task()
    async for event in agent.send(message):
        if not isinstance(event, Message | Away):
            fold(task, event)
    if not task.id or task.status.state == TaskState.TASK_STATE_FAILED:
        raise Broken(f"{agent.name} did no work: {state_name(task.status.state)}. Look at its logs.")
    if task.status.state not in TERMINAL:
        await agent.cancel(task.id)
    return task


async def _not_found(agent: AgentClient, task_id: str, sender: str) -> None:
    try:
        await agent.get(task_id)
    except TaskUnknown:
        return
    raise Broken(f"{agent.name} answered for a task that {sender} sent.")


async def _refused(agent: AgentClient, task: Task, settings: Settings) -> None:
    try:
        await agent.get(task.id)
    except (Unauthenticated, Forbidden):
        return
    except CrossdockError as error:
        raise Broken(f"{agent.name} did not refuse a token of {settings.other_client_id}: {error}") from error
    raise Broken(f"{agent.name} answered a token of {settings.other_client_id}, which is for other cards.")


async def _told(settings: Settings) -> None:
    async for line in accept(settings):
        print(f"ok: {line}", flush=True)  # noqa: T201 - what `helm test --logs` shows


def main() -> int:
    try:
        asyncio.run(_told(checked(Settings)))
    except (Broken, CrossdockError) as error:
        print(f"failed: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
