"""Calling another agent over A2A: a stream that survives a cut, a deadline, safe retries, a circuit breaker."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

import httpx
import structlog
from a2a.client import Client, ClientCallContext
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import UnsupportedOperationError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from crossdock.cards.caching import CardCache
from crossdock.client.breaker import CircuitBreaker
from crossdock.client.difference import difference
from crossdock.client.faults import never_sent, passes, translated, was_cut
from crossdock.client.patience import Away, Patience
from crossdock.client.transport import Link, link_to
from crossdock.errors import CrossdockError, Failed, TryLater
from crossdock.extensions import HOPS_HEADER, KEY_HEADER, TIMEOUT_HEADER
from crossdock.tasks.events import TERMINAL, Event, copied, fold, is_resting, state_name, state_of

log = structlog.get_logger(__name__)
T = TypeVar("T")
Heard = Event | Message | Away
Begun = tuple[AsyncGenerator[StreamResponse], StreamResponse]
RECALL_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """`attempts` counts tries of one call without a key; `seconds` is the longest that one conversation may take.

    As long as it may, a message with a key is sent again, and a cut stream subscribed to again.
    """

    attempts: int = 4
    seconds: float = 600.0


class AgentClient:
    """One agent at one URL. `http` is the process's pooled client, whose `auth` adds the token.

    Where the card says another host, the configured one is called all the same: the card is the agent's word, where it
    lives is the operator's.
    """

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
        self.url = url.rstrip("/")
        self.name = name or self.url
        self._http = http
        self._cards = cards
        self._policy = policy or ClientPolicy()
        self._breaker = CircuitBreaker(self.name)
        self._observe = observe
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
        headers = _headers(hops, limit, key)
        seen = Task()
        patience = Patience(self.name)
        conversation = self._conversation(message, seen, headers, keeps, patience)
        async with aclosing(self._observed(conversation, seen, limit, patience)) as events:
            async for event in events:
                yield event

    async def resume(self, task_id: str, *, hops: int = 0, seconds: float | None = None) -> AsyncGenerator[Heard]:
        """As `send` for a message that was sent before: first the Task as it stands, then what follows."""
        limit = self._limit(seconds)
        seen = Task(id=task_id)
        patience = Patience(self.name)
        conversation = self._rest(seen, _headers(hops, limit), patience)
        async with aclosing(self._observed(conversation, seen, limit, patience)) as events:
            async for event in events:
                yield event

    def _limit(self, seconds: float | None) -> float:
        return min(seconds or self._policy.seconds, self._policy.seconds)

    async def _observed(
        self, conversation: AsyncGenerator[Heard], seen: Task, limit: float, patience: Patience
    ) -> AsyncGenerator[Heard]:
        started = time.monotonic()
        outcome = "error"
        try:
            async with asyncio.timeout(limit), aclosing(conversation) as events:
                async for event in events:
                    outcome = _outcome(event) or outcome
                    yield event
        except TimeoutError:
            if seen.id:
                await self._quietly_cancel(seen.id)
            raise patience.verdict(limit) from None
        finally:
            if self._observe:
                self._observe(outcome, time.monotonic() - started)

    async def _rest(self, seen: Task, headers: dict[str, str], patience: Patience) -> AsyncGenerator[Heard]:
        while not seen.HasField("status"):
            try:
                seen.CopyFrom(await self.get(seen.id))
            except TryLater as error:
                if away := patience.failed(error):
                    yield away
                await patience.pause()
        patience.heard()
        task = copied(seen)
        yield task
        if is_resting(task):
            return
        async with aclosing(self._resumed(seen, None, headers, patience)) as events:
            async for event in events:
                yield event

    async def _conversation(
        self,
        message: Message,
        seen: Task,
        headers: dict[str, str],
        keeps: Callable[[], bool],
        patience: Patience,
    ) -> AsyncGenerator[Heard]:
        number: int | None = None  # of the last event seen, where it is known
        try:
            async with aclosing(self._first_stream(message, headers, keeps, patience)) as events:
                async for event in events:
                    yield event
                    if isinstance(event, Message):
                        return
                    if isinstance(event, Away):
                        continue
                    fold(seen, event)
                    number = _first_number(event) if isinstance(event, Task) else None if number is None else number + 1
                    if _is_last(event, message):
                        return
        except Exception as error:
            if not (seen.id and passes(error)):
                raise translated(self.name, error) from error
        async with aclosing(self._resumed(seen, number, headers, patience)) as resumed:
            async for event in resumed:
                yield event

    async def _first_stream(
        self, message: Message, headers: dict[str, str], keeps: Callable[[], bool], patience: Patience
    ) -> AsyncGenerator[Heard]:
        # The history would bring back what was just sent, files and all.
        configuration = SendMessageConfiguration(history_length=0)
        request = SendMessageRequest(message=message, configuration=configuration)
        context = ClientCallContext(service_parameters=headers)
        starting = asyncio.ensure_future(self._begun(request, context))
        try:
            while (error := await _failure(starting)) is not None:
                if not self._may_repeat(error, headers, patience):
                    raise error
                if away := patience.failed(error):
                    yield away
                await patience.pause()
                starting = asyncio.ensure_future(self._begun(request, context))
        except (asyncio.CancelledError, GeneratorExit):
            await (_dropped(starting) if keeps() else self._recall(starting, request, context))
            raise
        patience.heard()
        stream, first = starting.result()
        async with aclosing(stream):
            yield _payload(first)
            async for response in stream:
                yield _payload(response)

    def _may_repeat(self, error: Exception, headers: dict[str, str], patience: Patience) -> bool:
        if KEY_HEADER in headers:
            return passes(error)
        return never_sent(error) and patience.failures + 1 < self._policy.attempts

    async def _begun(self, request: SendMessageRequest, context: ClientCallContext) -> Begun:
        """The stream that answers `request`, and its first event."""

        async def begin() -> Begun:
            stream = (await self._link()).send(request, context)
            first = await anext(stream, None)
            if first is None:
                raise httpx.RemoteProtocolError("the stream ended before its first event")
            return stream, first

        return await self._counted(begin)

    async def _recall(
        self, starting: asyncio.Future[Begun], request: SendMessageRequest, context: ClientCallContext
    ) -> None:
        """Cancels a task that its sender gave up before hearing of it: nobody would ever know of it."""
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                failed = starting.done() and starting.exception()
                _, first = await (self._begun(request, context) if failed else starting)
                if first.HasField("task"):
                    await self.cancel(first.task.id)
        except Exception as error:  # noqa: BLE001 - best effort: the cancellation itself is what goes on
            log.warning("sent_message_not_recalled", agent=self.name, reason=type(error).__name__)

    async def _resumed(
        self, seen: Task, number: int | None, headers: dict[str, str], patience: Patience
    ) -> AsyncGenerator[Event | Away]:
        """Subscribes again until the task rests. `Last-Event-ID` makes it exact where the agent knows it."""
        while True:
            problem: Exception | None = None
            try:
                async with aclosing(self._subscribed(seen, number, headers, patience)) as events:
                    async for event in events:
                        patience.heard()
                        fold(seen, event)
                        number = None if number is None else number + 1
                        yield event
                        if is_resting(event):
                            return
            except Exception as error:
                if not passes(error):
                    raise translated(self.name, error) from error
                problem = error
            if away := patience.failed(problem):
                yield away
            await patience.pause()

    async def _subscribed(
        self, seen: Task, number: int | None, headers: dict[str, str], patience: Patience
    ) -> AsyncGenerator[Event]:
        link = await self._link()
        cursor = {"Last-Event-ID": str(number)} if number else {}
        context = ClientCallContext(service_parameters={**headers, **cursor})
        try:
            async with aclosing(link.subscribe(SubscribeToTaskRequest(id=seen.id), context)) as responses:
                async for response in responses:
                    patience.answered()
                    event = _payload(response)
                    if isinstance(event, Task):
                        for missed in difference(seen, event):
                            yield missed
                    elif not isinstance(event, Message):
                        yield event
        except UnsupportedOperationError:  # the task has ended meanwhile
            task = await link.client.get_task(GetTaskRequest(id=seen.id))
            for missed in difference(seen, task):
                yield missed

    async def get(self, task_id: str, *, history_length: int | None = None) -> Task:
        request = GetTaskRequest(id=task_id, history_length=history_length)
        return await self._unary(lambda client: client.get_task(request))

    async def list(self, request: ListTasksRequest) -> ListTasksResponse:
        return await self._unary(lambda client: client.list_tasks(request))

    async def cancel(self, task_id: str) -> Task:
        """Of an ended task it raises `Rejected`, so that what may have been heard is not sent again."""
        return await self._unary(lambda client: client.cancel_task(CancelTaskRequest(id=task_id)), never_sent)

    async def _quietly_cancel(self, task_id: str) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self.cancel(task_id)
        except Exception as error:  # noqa: BLE001 - best effort: the deadline itself is the error to report
            log.warning("late_task_not_canceled", agent=self.name, task_id=task_id, reason=type(error).__name__)

    async def _unary(
        self, call: Callable[[Client], Awaitable[T]], repeatable: Callable[[BaseException], bool] = passes
    ) -> T:
        async def made() -> T:
            return await call((await self._link()).client)

        try:
            async with asyncio.timeout(self._policy.seconds):
                return await self._retried(made, repeatable)
        except TimeoutError:
            raise Failed(f"{self.name} did not answer in time.") from None
        except Exception as error:
            raise translated(self.name, error) from error

    async def _retried(self, call: Callable[[], Awaitable[T]], repeatable: Callable[[BaseException], bool]) -> T:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(self._policy.attempts),
            wait=wait_random_exponential(multiplier=0.1, max=2.0),
            retry=retry_if_exception(repeatable),
            reraise=True,
        ):
            with attempt:
                return await self._counted(call)
        raise AssertionError("tenacity ends with a result or an error")

    async def _counted(self, call: Callable[[], Awaitable[T]]) -> T:
        self._breaker.admit()
        try:
            result = await call()
        except Exception as error:
            if was_cut(error) or never_sent(error):
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return result

    async def _link(self) -> Link:
        card = await self.card()
        if self._made is None or self._made[0] is not card:
            self._made = card, link_to(card, self.url, self._http)
        return self._made[1]


def _headers(hops: int, seconds: float, key: str = "") -> dict[str, str]:
    named = {KEY_HEADER: key} if key else {}
    return {HOPS_HEADER: str(hops + 1), TIMEOUT_HEADER: f"{seconds:.3f}", **named}


def _first_number(task: Task) -> int | None:
    """That of a stream's first Task: 1 for a new one; for one that stands later it is not known."""
    new = task.status.state == TaskState.TASK_STATE_SUBMITTED and not task.artifacts
    return 1 if new else None


def _is_last(event: Event, message: Message) -> bool:
    """A follow-up's first Task may rest as it did before the message; one that has ended is the last word."""
    if isinstance(event, Task) and message.task_id:
        return event.status.state in TERMINAL
    return is_resting(event)


async def _failure(starting: asyncio.Future[Begun]) -> Exception | None:
    """Waits for its end, and lets it go on if that is cancelled."""
    await asyncio.wait({starting})
    error = starting.exception()
    assert error is None or isinstance(error, Exception)
    return error


async def _dropped(starting: asyncio.Future[Begun]) -> None:
    starting.cancel()
    await asyncio.wait([starting])


def _outcome(event: Heard) -> str:
    """What a conversation that ends with this event came to; empty for one that goes on."""
    if isinstance(event, Message):
        return "message"
    if isinstance(event, Away) or not is_resting(event):
        return ""
    state = state_of(event)
    return state_name(state) if state is not None else ""


def _payload(response: StreamResponse) -> Event | Message:
    event: Event | Message = getattr(response, str(response.WhichOneof("payload")))
    return event
