"""Giving tasks to another agent over A2A: conversations with a deadline, and what became of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx
import structlog
from a2a.types import Message, Task

from crossdock.cards.caching import CardCache
from crossdock.client.calls import AgentCalls, ClientPolicy
from crossdock.client.conversation import Conversation, Heard
from crossdock.client.patience import Away
from crossdock.extensions import HOPS_HEADER, KEY_HEADER, TIMEOUT_HEADER
from crossdock.tasks.events import is_resting, state_name, state_of

log = structlog.get_logger(__name__)


class AgentClient(AgentCalls):
    """Gives tasks to one agent. `observe` is told the outcome and the seconds of each conversation."""

    def __init__(
        self,
        url: str,
        http: httpx.AsyncClient,
        cards: CardCache,
        *,
        name: str = "",
        policy: ClientPolicy | None = None,
        observe: Callable[[str, float], None] | None = None,
    ) -> None:
        super().__init__(url, http, cards, name=name, policy=policy)
        self._observe = observe

    async def send(
        self,
        message: Message,
        *,
        hops: int = 0,
        seconds: float | None = None,
        key: str = "",
        keeps: Callable[[], bool] = lambda: False,
    ) -> AsyncGenerator[Heard]:
        """Sends `message` and yields what happens until the task rests: first the Task, then each event once.

        An agent that answers with a lone Message yields just that. An `Away`, at any time, says that the agent is away
        for longer than a takeover takes, and waited for. With a `key` the same message may be sent several
        times, also by several processes: the agent works it once, and the Task that comes first is as it then stands.
        Leaving the iterator early does not cancel the task; being cancelled before the agent has answered does, unless
        it `keeps` it: somebody else sends the message again. Raises `TryLater`, `Unauthenticated`, `Forbidden`,
        `Rejected`, `TaskUnknown` or `Failed`.
        """
        limit = self._limit(seconds)
        conversation = Conversation(self, Task(), _headers(hops, limit, key))
        async with aclosing(self._observed(conversation, conversation.begin(message, keeps), limit)) as events:
            async for event in events:
                yield event

    async def resume(self, task_id: str, *, hops: int = 0, seconds: float | None = None) -> AsyncGenerator[Heard]:
        """As `send` for a message that was sent before: first the Task as it stands, then what follows."""
        limit = self._limit(seconds)
        conversation = Conversation(self, Task(id=task_id), _headers(hops, limit))
        async with aclosing(self._observed(conversation, conversation.go_on(), limit)) as events:
            async for event in events:
                yield event

    def _limit(self, seconds: float | None) -> float:
        return min(seconds or self.policy.seconds, self.policy.seconds)

    async def _observed(
        self, conversation: Conversation, heard: AsyncGenerator[Heard], limit: float
    ) -> AsyncGenerator[Heard]:
        started = time.monotonic()
        outcome = "error"
        try:
            async with asyncio.timeout(limit), aclosing(heard) as events:
                async for event in events:
                    outcome = _outcome(event) or outcome
                    yield event
        except TimeoutError:
            if conversation.seen.id:
                await self._quietly_cancel(conversation.seen.id)
            raise conversation.patience.verdict(limit) from None
        finally:
            if self._observe:
                self._observe(outcome, time.monotonic() - started)

    async def _quietly_cancel(self, task_id: str) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self.cancel(task_id)
        except Exception as error:  # noqa: BLE001 - best effort: the deadline itself is the error to report
            log.warning("late_task_not_canceled", agent=self.name, task_id=task_id, reason=type(error).__name__)


def _headers(hops: int, seconds: float, key: str = "") -> dict[str, str]:
    named = {KEY_HEADER: key} if key else {}
    return {HOPS_HEADER: str(hops + 1), TIMEOUT_HEADER: f"{seconds:.3f}", **named}


def _outcome(event: Heard) -> str:
    """What a conversation that ends with this event came to; empty for one that goes on."""
    if isinstance(event, Message):
        return "message"
    if isinstance(event, Away) or not is_resting(event):
        return ""
    state = state_of(event)
    return state_name(state) if state is not None else ""
