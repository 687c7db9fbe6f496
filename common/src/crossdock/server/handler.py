"""A2A's operations over the task engine (sections 3.1 to 3.4). The SDK's bindings talk to this class only."""

import functools
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from a2a.server.context import ServerCallContext
from a2a.server.events import Event as SdkEvent
from a2a.server.request_handlers import RequestHandler
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.constants import DEFAULT_LIST_TASKS_PAGE_SIZE, MAX_LIST_TASKS_PAGE_SIZE
from a2a.utils.errors import (
    ExtendedAgentCardNotConfiguredError,
    InvalidParamsError,
    UnsupportedOperationError,
)
from a2a.utils.task import apply_history_length

from crossdock.errors import TryLater
from crossdock.server.admission import Admission, time_left
from crossdock.server.call import CALL, Call, single
from crossdock.server.decoding import require, unfit
from crossdock.server.faults import Guard, guarded
from crossdock.server.idempotency import idempotency_key
from crossdock.tasks.engine import TaskEngine, Ticket
from crossdock.tasks.events import TERMINAL, is_resting
from crossdock.tasks.journal import Snapshot, TaskFilter, TaskJournal
from crossdock.telemetry.metrics import Metrics


class JournalRequestHandler(RequestHandler):
    def __init__(
        self,
        engine: TaskEngine,
        journal: TaskJournal,
        admission: Admission,
        metrics: Metrics,
        *,
        extended_card: AgentCard | None = None,
        streams_per_customer: int = 100,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._admission = admission
        self._metrics = metrics
        self._extended_card = extended_card
        self._streams_per_customer = streams_per_customer
        self._streams: Counter[str] = Counter()
        self._gauge = functools.cache(functools.partial(metrics.open_streams.labels, metrics.agent))

    async def _submit(self, params: SendMessageRequest, context: ServerCallContext) -> Ticket:
        require(params)
        _check_history_length(params.configuration, "configuration.historyLength")
        owner = self._admission.admitted(context).customer
        await self._admission.check(params, context)
        key = await idempotency_key(params, context)
        return await self._engine.submit(owner, params, context, time_left(context), key)

    @guarded
    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        ticket = await self._submit(params, context)
        at_once = params.configuration.return_immediately
        if message := await self._engine.lone_message(ticket, at_once=at_once):
            return message
        if at_once:
            return apply_history_length(ticket.snapshot.task, params.configuration)
        return apply_history_length(await self._engine.answer(ticket), params.configuration)

    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[SdkEvent]:
        with Guard(context):
            owner = self._admission.admitted(context).customer
            self._admission.check_streaming()
            with self._stream(owner):
                ticket = await self._submit(params, context)
                if message := await self._engine.lone_message(ticket):
                    yield message
                    return
                snapshot = await self._engine.beginning(ticket)
                first = snapshot._replace(task=apply_history_length(snapshot.task, params.configuration))
                events = self._events(first, context, ticket)
                del params, ticket, snapshot, first  # they hold the task, and a stream may be long
                async for event in events:
                    yield event

    async def on_subscribe_to_task(
        self, params: SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[SdkEvent]:
        """Without `Last-Event-ID` as in section 3.1.6; with it, the task as of that event and then what came after."""
        with Guard(context):
            require(params)
            owner = self._admission.admitted(context).customer
            self._admission.check_streaming()
            cursor = _cursor(context)
            snapshot = await self._journal.get(owner, params.id, cursor)
            if cursor is None and snapshot.task.status.state in TERMINAL:
                raise UnsupportedOperationError("The task has ended: get it instead of subscribing.")
            with self._stream(owner):
                async for event in self._events(snapshot, context):
                    yield event

    async def _events(
        self, snapshot: Snapshot, context: ServerCallContext, ticket: Ticket | None = None
    ) -> AsyncGenerator[SdkEvent]:
        """The task as it stands, and what follows."""
        # 0.3 ends its streams at interrupted states too; 1.0 only at terminal ones (section 3.1.2).
        legacy = _is_legacy(context)
        call: Call = context.state[CALL]
        (task, after, owner, _), task_id = snapshot, snapshot.task.id
        call.numbers.append(after)
        yield task
        if task.status.state in TERMINAL:
            return
        log = self._engine.batches(owner, task_id, after, ticket)
        del snapshot, task, context, ticket
        async for batch in log:
            for logged in batch:
                call.numbers.append(logged.number)
                call.more = logged is not batch[-1]
                yield logged.event
                if legacy and is_resting(logged.event):
                    return

    @contextmanager
    def _stream(self, owner: str) -> Iterator[None]:
        if self._streams[owner] >= self._streams_per_customer:
            raise TryLater(f"{self._streams_per_customer} streams are open already. Close one first.", retry_after=5.0)
        gauge = self._gauge(owner)
        self._streams[owner] += 1
        gauge.inc()
        try:
            yield
        finally:
            self._streams[owner] -= 1
            gauge.dec()

    @guarded
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task:
        require(params)
        _check_history_length(params, "historyLength")
        snapshot = await self._journal.get(self._admission.admitted(context).customer, params.id)
        return apply_history_length(snapshot.task, params)

    @guarded
    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        _check_history_length(params, "historyLength")
        if params.HasField("page_size") and not 1 <= params.page_size <= MAX_LIST_TASKS_PAGE_SIZE:
            raise unfit("pageSize", f"must be from 1 to {MAX_LIST_TASKS_PAGE_SIZE}")
        wanted = TaskFilter(
            params.context_id,
            params.status if params.status != TaskState.TASK_STATE_UNSPECIFIED else None,
            params.status_timestamp_after.ToNanoseconds() if params.HasField("status_timestamp_after") else 0,
        )
        size = params.page_size or DEFAULT_LIST_TASKS_PAGE_SIZE
        page = await self._journal.list(
            self._admission.admitted(context).customer,
            wanted,
            params.page_token,
            size,
            artifacts=params.include_artifacts,
        )
        tasks = [apply_history_length(task, params) for task in page.tasks]
        return ListTasksResponse(tasks=tasks, next_page_token=page.next_token, total_size=page.total, page_size=size)

    @guarded
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task:
        require(params)
        return (await self._engine.cancel(self._admission.admitted(context).customer, params.id)).task

    @guarded
    async def on_get_extended_agent_card(
        self, params: GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> AgentCard:
        self._admission.admitted(context)
        if not self._admission.card.capabilities.extended_agent_card:
            raise UnsupportedOperationError("This agent has no extended card.")
        if self._extended_card is None:
            raise ExtendedAgentCardNotConfiguredError
        return self._extended_card

    @guarded
    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        configs = self._admission.push_configs()
        require(params)
        _require_task(params)
        await self._journal.get(self._admission.admitted(context).customer, params.task_id, 1)
        await configs.check(params)
        return await configs.create(self._admission.admitted(context).customer, params)

    @guarded
    async def on_get_task_push_notification_config(
        self, params: GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        configs = self._admission.push_configs()
        _require_task(params) if _is_legacy(context) else require(params)
        return await configs.get(self._admission.admitted(context).customer, params.task_id, params.id)

    @guarded
    async def on_list_task_push_notification_configs(
        self, params: ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        """All of them on one page: their number is limited."""
        configs = self._admission.push_configs()
        require(params)
        found = await configs.list(self._admission.admitted(context).customer, params.task_id)
        return ListTaskPushNotificationConfigsResponse(configs=found)

    @guarded
    async def on_delete_task_push_notification_config(
        self, params: DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        configs = self._admission.push_configs()
        require(params)
        await configs.delete(self._admission.admitted(context).customer, params.task_id, params.id)


def _require_task(params: TaskPushNotificationConfig | GetTaskPushNotificationConfigRequest) -> None:
    if not params.task_id:
        raise unfit("taskId", "is required")


def _is_legacy(context: ServerCallContext) -> bool:
    return not context.state["headers"].get("a2a-version", "").startswith("1")


def _check_history_length(limited: GetTaskRequest | ListTasksRequest | SendMessageConfiguration, path: str) -> None:
    if limited.history_length < 0:
        raise unfit(path, "must be 0 or more")


def _cursor(context: ServerCallContext) -> int | None:
    value = single(context, "last-event-id")
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or int(value[:18]) < 1:
        raise InvalidParamsError("Last-Event-ID must be the id of an event of this task's stream.")
    return int(value[:18])
