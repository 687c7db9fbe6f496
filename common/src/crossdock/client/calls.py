"""Calls to another agent over A2A: each with a deadline, safe retries and a circuit breaker."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx
from a2a.client import Client
from a2a.types import AgentCard, CancelTaskRequest, GetTaskRequest, ListTasksRequest, ListTasksResponse, Task
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from crossdock.cards.caching import CardCache
from crossdock.client.breaker import CircuitBreaker
from crossdock.client.faults import asked_for, never_sent, passes, translated, was_cut
from crossdock.client.transport import Link, link_to
from crossdock.errors import CrossdockError, Failed

T = TypeVar("T")
BACKOFF = wait_random_exponential(multiplier=0.1, max=2.0)


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """`attempts` counts tries of one call without a key; `seconds` is the longest that one conversation may take.

    As long as it may, a message with a key is sent again, and a cut stream subscribed to again.
    """

    attempts: int = 4
    seconds: float = 600.0


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return BACKOFF(state) + (asked_for(error) if error else 0.0)


class AgentCalls:
    """One agent at one URL. `http` is the process's pooled client, whose `auth` adds the token.

    Where the card says another host, the configured one is called all the same: the card is the agent's word, where it
    lives is the operator's.
    """

    def __init__(
        self, url: str, http: httpx.AsyncClient, cards: CardCache, *, name: str = "", policy: ClientPolicy | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.name = name or self.url
        self.policy = policy or ClientPolicy()
        self._http = http
        self._cards = cards
        self._breaker = CircuitBreaker(self.name)
        self._seen = True
        self._made: tuple[AgentCard, Link] | None = None

    async def card(self) -> AgentCard:
        """Not to be changed: it is kept for others. Another object means that the agent's card has changed."""
        try:
            card = await self._cards.get(self.url)
        except CrossdockError:
            self._seen = False
            raise
        self._seen = True
        return card

    @property
    def at_hand(self) -> bool:
        """Whether `card` answers without asking the agent."""
        return self._cards.has(self.url)

    @property
    def up(self) -> bool:
        """Whether the agent could be reached when that was last tried."""
        return self._seen and self._breaker.calm

    async def get(self, task_id: str, *, history_length: int | None = None) -> Task:
        request = GetTaskRequest(id=task_id, history_length=history_length)
        return await self._unary(lambda client: client.get_task(request))

    async def list(self, request: ListTasksRequest) -> ListTasksResponse:
        return await self._unary(lambda client: client.list_tasks(request))

    async def cancel(self, task_id: str) -> Task:
        """Of an ended task it raises `Rejected`, so that what may have been heard is not sent again."""
        return await self._unary(lambda client: client.cancel_task(CancelTaskRequest(id=task_id)), never_sent)

    async def _unary(
        self, call: Callable[[Client], Awaitable[T]], repeatable: Callable[[BaseException], bool] = passes
    ) -> T:
        async def made() -> T:
            return await call((await self.link()).client)

        try:
            async with asyncio.timeout(self.policy.seconds):
                return await self._retried(made, repeatable)
        except TimeoutError:
            raise Failed(f"{self.name} did not answer in time.") from None
        except Exception as error:
            raise translated(self.name, error) from error

    async def _retried(self, call: Callable[[], Awaitable[T]], repeatable: Callable[[BaseException], bool]) -> T:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(self.policy.attempts),
            wait=_pause,
            retry=retry_if_exception(repeatable),
            reraise=True,
        ):
            with attempt:
                return await self.counted(call)
        raise AssertionError("tenacity ends with a result or an error")

    async def counted(self, call: Callable[[], Awaitable[T]]) -> T:
        self._breaker.admit()
        try:
            result = await call()
        except Exception as error:
            if not asked_for(error) and (was_cut(error) or never_sent(error)):
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return result

    async def link(self) -> Link:
        card = await self.card()
        if self._made is None or self._made[0] is not card:
            self._made = card, link_to(card, self.url, self._http)
        return self._made[1]
