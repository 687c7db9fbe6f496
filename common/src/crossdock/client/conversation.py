"""One conversation with another agent: a stream that survives a cut and a takeover."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx
import structlog
from a2a.client import ClientCallContext
from a2a.types import (
    GetTaskRequest,
    Message,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import UnsupportedOperationError

from crossdock.client.calls import AgentCalls
from crossdock.client.difference import difference
from crossdock.client.faults import never_sent, passes, translated
from crossdock.client.patience import Away, Patience
from crossdock.errors import TryLater
from crossdock.extensions import KEY_HEADER
from crossdock.tasks.events import TERMINAL, Event, copied, fold, is_resting

log = structlog.get_logger(__name__)
Heard = Event | Message | Away
Begun = tuple[AsyncGenerator[StreamResponse], StreamResponse]
RECALL_SECONDS = 1.5


class Conversation:
    """`seen` is the task as told so far; `headers` go with each request."""

    def __init__(self, calls: AgentCalls, seen: Task, headers: dict[str, str]) -> None:
        self.seen = seen
        self.patience = Patience(calls.name)
        self._calls = calls
        self._headers = headers
        self._number: int | None = None  # of the last event seen, where it is known

    async def begin(self, message: Message, keeps: Callable[[], bool]) -> AsyncGenerator[Heard]:
        """First what the agent answers `message` with."""
        try:
            async with aclosing(self._first_stream(message, keeps)) as events:
                async for event in events:
                    yield event
                    if isinstance(event, Message):
                        return
                    if isinstance(event, Away):
                        continue
                    self._note(event)
                    if _is_last(event, message):
                        return
        except Exception as error:
            if not (self.seen.id and passes(error)):
                raise translated(self._calls.name, error) from error
        async with aclosing(self._resumed()) as resumed:
            async for event in resumed:
                yield event

    async def go_on(self) -> AsyncGenerator[Heard]:
        """First the Task as it stands."""
        while not self.seen.HasField("status"):
            try:
                self.seen.CopyFrom(await self._calls.get(self.seen.id))
            except TryLater as error:
                if away := self.patience.failed(error):
                    yield away
                await self.patience.pause()
        self.patience.heard()
        task = copied(self.seen)
        yield task
        if is_resting(task):
            return
        async with aclosing(self._resumed()) as events:
            async for event in events:
                yield event

    def _note(self, event: Event) -> None:
        fold(self.seen, event)
        if isinstance(event, Task):
            self._number = _first_number(event)
        elif self._number is not None:
            self._number += 1

    async def _first_stream(self, message: Message, keeps: Callable[[], bool]) -> AsyncGenerator[Heard]:
        # The history would bring back what was just sent, files and all.
        configuration = SendMessageConfiguration(history_length=0)
        request = SendMessageRequest(message=message, configuration=configuration)
        context = ClientCallContext(service_parameters=self._headers)
        starting = asyncio.ensure_future(self._begun(request, context))
        try:
            while (error := await _failure(starting)) is not None:
                if not self._may_repeat(error):
                    raise error
                if away := self.patience.failed(error):
                    yield away
                await self.patience.pause()
                starting = asyncio.ensure_future(self._begun(request, context))
        except (asyncio.CancelledError, GeneratorExit):
            await (_dropped(starting) if keeps() else self._recall(starting, request, context))
            raise
        self.patience.heard()
        stream, first = starting.result()
        async with aclosing(stream):
            yield _payload(first)
            async for response in stream:
                yield _payload(response)

    def _may_repeat(self, error: Exception) -> bool:
        if KEY_HEADER in self._headers:
            return passes(error)
        return never_sent(error) and self.patience.failures + 1 < self._calls.policy.attempts

    async def _begun(self, request: SendMessageRequest, context: ClientCallContext) -> Begun:
        """The stream that answers `request`, and its first event."""

        async def begin() -> Begun:
            stream = (await self._calls.link()).send(request, context)
            first = await anext(stream, None)
            if first is None:
                raise httpx.RemoteProtocolError("the stream ended before its first event")
            return stream, first

        return await self._calls.counted(begin)

    async def _recall(
        self, starting: asyncio.Future[Begun], request: SendMessageRequest, context: ClientCallContext
    ) -> None:
        """Cancels a task that its sender gave up before hearing of it: nobody would ever know of it."""
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                failed = starting.done() and starting.exception()
                _, first = await (self._begun(request, context) if failed else starting)
                if first.HasField("task"):
                    await self._calls.cancel(first.task.id)
        except Exception as error:  # noqa: BLE001 - best effort: the cancellation itself is what goes on
            log.warning("sent_message_not_recalled", agent=self._calls.name, reason=type(error).__name__)

    async def _resumed(self) -> AsyncGenerator[Event | Away]:
        """Subscribes again until the task rests. `Last-Event-ID` makes it exact where the agent knows it."""
        while True:
            problem: Exception | None = None
            try:
                async with aclosing(self._subscribed()) as events:
                    async for event in events:
                        self.patience.heard()
                        self._note(event)
                        yield event
                        if is_resting(event):
                            return
            except Exception as error:
                if not passes(error):
                    raise translated(self._calls.name, error) from error
                problem = error
            if away := self.patience.failed(problem):
                yield away
            await self.patience.pause()

    async def _subscribed(self) -> AsyncGenerator[Event]:
        link = await self._calls.link()
        cursor = {"Last-Event-ID": str(self._number)} if self._number else {}
        context = ClientCallContext(service_parameters={**self._headers, **cursor})
        try:
            async with aclosing(link.subscribe(SubscribeToTaskRequest(id=self.seen.id), context)) as responses:
                async for response in responses:
                    self.patience.answered()
                    event = _payload(response)
                    if isinstance(event, Task):
                        for missed in difference(self.seen, event):
                            yield missed
                    elif not isinstance(event, Message):
                        yield event
        except UnsupportedOperationError:  # the task has ended meanwhile
            task = await link.client.get_task(GetTaskRequest(id=self.seen.id))
            for missed in difference(self.seen, task):
                yield missed


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


def _payload(response: StreamResponse) -> Event | Message:
    event: Event | Message = getattr(response, str(response.WhichOneof("payload")))
    return event
