"""Calling another agent over A2A: a stream that survives a cut, a deadline, safe retries, a circuit breaker."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import structlog
from a2a.client import Client, ClientCallContext, ClientConfig, ClientFactory
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
from a2a.utils.constants import TransportProtocol
from a2a.utils.errors import UnsupportedOperationError
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from tenacity.stop import stop_base

from crossdock.cards.caching import CardCache
from crossdock.client.breaker import CircuitBreaker
from crossdock.client.difference import difference
from crossdock.client.faults import never_sent, translated, was_cut
from crossdock.errors import CrossdockError, Failed
from crossdock.extensions import HOPS_HEADER, KEY_HEADER, TIMEOUT_HEADER
from crossdock.tasks.events import TERMINAL, Event, fold, is_resting, state_name, state_of

log = structlog.get_logger(__name__)
T = TypeVar("T")
Begun = tuple[AsyncIterator[StreamResponse], StreamResponse]
RECALL_SECONDS = 1.5
BINDINGS = [TransportProtocol.JSONRPC.value, TransportProtocol.HTTP_JSON.value]


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """`attempts` counts tries of one call.

    `patience` is for how long, in seconds, a message with a key is sent again, and a stream without a new event is
    subscribed to again: longer than another replica takes to take over.
    """

    attempts: int = 4
    patience: float = 20.0
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

    async def card(self) -> AgentCard:
        try:
            card = await self._cards.get(self.url)
        except CrossdockError:
            self._seen = False
            raise
        self._seen = True
        return card

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
    ) -> AsyncGenerator[Event | Message]:
        """Sends `message` and yields what happens until the task rests: first the Task, then each event once.

        An agent that answers with a lone Message yields just that. With a `key` the same message may be sent several
        times, also by several processes: the agent works it once, and the Task that comes first is as it then stands.
        Leaving the iterator early does not cancel the task; being cancelled before the agent has answered does, unless
        it `keeps` it: somebody else sends the message again. Raises `TryLater`, `Unauthenticated`, `Forbidden`,
        `Rejected`, `TaskUnknown` or `Failed`.
        """
        limit = self._limit(seconds)
        headers = _headers(hops, limit, key)
        seen = Task()
        async with aclosing(self._observed(self._conversation(message, seen, headers, keeps), seen, limit)) as events:
            async for event in events:
                yield event

    async def resume(
        self, task_id: str, *, hops: int = 0, seconds: float | None = None
    ) -> AsyncGenerator[Event | Message]:
        """As `send` for a message that was sent before: first the Task as it stands, then what follows."""
        limit = self._limit(seconds)
        seen = Task(id=task_id)
        async with aclosing(self._observed(self._rest(seen, _headers(hops, limit)), seen, limit)) as events:
            async for event in events:
                yield event

    def _limit(self, seconds: float | None) -> float:
        return min(seconds or self._policy.seconds, self._policy.seconds)

    async def _observed(
        self, conversation: AsyncGenerator[Event | Message], seen: Task, limit: float
    ) -> AsyncGenerator[Event | Message]:
        started = time.monotonic()
        outcome = "error"
        try:
            async with asyncio.timeout(limit), aclosing(conversation) as events:
                async for event in events:
                    if isinstance(event, Message) or is_resting(event):
                        outcome = "message" if isinstance(event, Message) else _state(event)
                    yield event
        except TimeoutError:
            if seen.id:
                await self._quietly_cancel(seen.id)
            raise Failed(f"{self.name} did not finish within {limit:g} s.") from None
        finally:
            if self._observe:
                self._observe(outcome, time.monotonic() - started)

    async def _rest(self, seen: Task, headers: dict[str, str]) -> AsyncGenerator[Event | Message]:
        task = await self.get(seen.id)
        seen.CopyFrom(task)
        yield task
        if is_resting(task):
            return
        async with aclosing(self._resumed(seen, None, headers)) as events:
            async for event in events:
                yield event

    async def _conversation(
        self, message: Message, seen: Task, headers: dict[str, str], keeps: Callable[[], bool]
    ) -> AsyncGenerator[Event | Message]:
        number: int | None = None  # of the last event seen, where it is known
        try:
            async for event in self._first_stream(message, headers, keeps):
                yield event
                if isinstance(event, Message):
                    return
                fold(seen, event)
                number = _first_number(event) if isinstance(event, Task) else None if number is None else number + 1
                if _is_last(event, message):
                    return
        except Exception as error:
            if not (seen.id and was_cut(error)):
                raise translated(self.name, error) from error
        async with aclosing(self._resumed(seen, number, headers)) as events:
            async for event in events:
                yield event

    async def _first_stream(
        self, message: Message, headers: dict[str, str], keeps: Callable[[], bool]
    ) -> AsyncGenerator[Event | Message]:
        client = await self._client()
        # The history would bring back what was just sent, files and all.
        configuration = SendMessageConfiguration(history_length=0)
        request = SendMessageRequest(message=message, configuration=configuration)

        async def begin() -> Begun:
            stream = client.send_message(request, context=ClientCallContext(service_parameters=headers))
            first = await anext(stream, None)
            if first is None:
                raise httpx.RemoteProtocolError("the stream ended before its first event")
            return stream, first

        repeatable = _broke if KEY_HEADER in headers else never_sent
        stop = stop_after_delay(self._policy.patience) if KEY_HEADER in headers else None
        starting = asyncio.ensure_future(self._retried(begin, repeatable, stop))
        try:
            stream, first = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await (_dropped(starting) if keeps() else self._recall(starting))
            raise
        yield _payload(first)
        async for response in stream:
            yield _payload(response)

    async def _recall(self, starting: asyncio.Future[Begun]) -> None:
        """Cancels a task that its sender gave up before hearing of it: nobody would ever know of it."""
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                _, first = await starting
                if first.HasField("task"):
                    await self.cancel(first.task.id)
        except Exception as error:  # noqa: BLE001 - best effort: the cancellation itself is what goes on
            log.warning("sent_message_not_recalled", agent=self.name, reason=type(error).__name__)

    async def _resumed(self, seen: Task, number: int | None, headers: dict[str, str]) -> AsyncGenerator[Event]:
        """Subscribes again until the task rests. `Last-Event-ID` makes it exact where the agent knows it."""
        failures, since = 0, time.monotonic()
        while True:
            try:
                async with aclosing(self._subscribed(seen, number, headers)) as events:
                    async for event in events:
                        failures, since = 0, time.monotonic()
                        fold(seen, event)
                        number = None if number is None else number + 1
                        yield event
                        if is_resting(event):
                            return
            except Exception as error:
                if not _broke(error) or time.monotonic() - since > self._policy.patience:
                    raise translated(self.name, error) from error
            failures += 1
            if time.monotonic() - since > self._policy.patience:
                raise Failed(f"{self.name} closed the stream of the task {seen.id} again and again.")
            await asyncio.sleep(min(0.1 * 2**failures, 2.0))

    async def _subscribed(self, seen: Task, number: int | None, headers: dict[str, str]) -> AsyncGenerator[Event]:
        client = await self._client()
        cursor = {"Last-Event-ID": str(number)} if number else {}
        context = ClientCallContext(service_parameters={**headers, **cursor})
        try:
            async for response in client.subscribe(SubscribeToTaskRequest(id=seen.id), context=context):
                event = _payload(response)
                if isinstance(event, Task):
                    for missed in difference(seen, event):
                        yield missed
                elif not isinstance(event, Message):
                    yield event
        except UnsupportedOperationError:  # the task has ended meanwhile
            task = await client.get_task(GetTaskRequest(id=seen.id))
            for missed in difference(seen, task):
                yield missed

    async def get(self, task_id: str, *, history_length: int | None = None) -> Task:
        request = GetTaskRequest(id=task_id, history_length=history_length)
        return await self._unary(lambda client: client.get_task(request))

    async def list(self, request: ListTasksRequest) -> ListTasksResponse:
        return await self._unary(lambda client: client.list_tasks(request))

    async def cancel(self, task_id: str) -> Task:
        """Idempotent in effect, so that it may be retried; of an ended task it raises `Rejected`."""
        return await self._unary(lambda client: client.cancel_task(CancelTaskRequest(id=task_id)))

    async def _quietly_cancel(self, task_id: str) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self.cancel(task_id)
        except Exception as error:  # noqa: BLE001 - best effort: the deadline itself is the error to report
            log.warning("late_task_not_canceled", agent=self.name, task_id=task_id, reason=type(error).__name__)

    async def _unary(self, call: Callable[[Client], Awaitable[T]]) -> T:
        client = await self._client()
        try:
            async with asyncio.timeout(self._policy.seconds):
                return await self._retried(lambda: call(client))
        except TimeoutError:
            raise Failed(f"{self.name} did not answer in time.") from None
        except Exception as error:
            raise translated(self.name, error) from error

    async def _retried(
        self,
        call: Callable[[], Awaitable[T]],
        repeatable: Callable[[BaseException], bool] = never_sent,
        stop: stop_base | None = None,
    ) -> T:
        """Tries again, with back-off; by itself only what the agent cannot have seen."""
        async for attempt in AsyncRetrying(
            stop=stop or stop_after_attempt(self._policy.attempts),
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

    async def _client(self) -> Client:
        card = await self.card()
        for interface in card.supported_interfaces:
            interface.url = _rebased(interface.url, self.url)
        config = ClientConfig(httpx_client=self._http, supported_protocol_bindings=BINDINGS)
        return ClientFactory(config).create(card)


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


def _broke(error: BaseException) -> bool:
    return never_sent(error) or was_cut(error)


async def _dropped(starting: asyncio.Future[Begun]) -> None:
    starting.cancel()
    await asyncio.wait([starting])


def _rebased(url: str, base: str) -> str:
    """`url` at the scheme, host and path prefix of `base`, which it may have already."""
    path, prefix = urlsplit(url).path.rstrip("/"), urlsplit(base).path
    if f"{path}/".startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    return f"{base}{path}"


def _state(event: Event) -> str:
    state = state_of(event)
    return state_name(state) if state is not None else ""


def _payload(response: StreamResponse) -> Event | Message:
    event: Event | Message = getattr(response, str(response.WhichOneof("payload")))
    return event
