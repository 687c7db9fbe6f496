"""The same executor for every server: what its message's text asks for."""

import asyncio

from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Artifact,
    Part,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

from crossdock.tasks.events import now


def bench_card(port: int) -> AgentCard:
    return AgentCard(
        name="bench-agent",
        description="Does next to nothing.",
        version="1.0.0",
        supported_interfaces=[
            AgentInterface(url=f"http://127.0.0.1:{port}/", protocol_binding="JSONRPC", protocol_version="1.0")
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="act", name="Act", description="Acts.", tags=["bench"])],
    )


class BenchExecutor(AgentExecutor):
    """`chunks N` sends N chunks of one artifact, `wait` never ends, anything else is working, artifact, completed."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        word, _, number = context.get_user_input().partition(" ")
        await self._state(context, event_queue, TaskState.TASK_STATE_WORKING)
        if word == "wait":
            await asyncio.Event().wait()
        chunks = int(number) if word == "chunks" else 1
        for index in range(chunks):
            await event_queue.enqueue_event(
                TaskArtifactUpdateEvent(
                    task_id=context.task_id,
                    context_id=context.context_id,
                    artifact=Artifact(artifact_id="a", parts=[Part(text="some twenty letters.")]),
                    append=index > 0,
                    last_chunk=index == chunks - 1,
                )
            )
        await self._state(context, event_queue, TaskState.TASK_STATE_COMPLETED)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await self._state(context, event_queue, TaskState.TASK_STATE_CANCELED)

    async def _state(self, context: RequestContext, event_queue: EventQueue, state: TaskState) -> None:
        await event_queue.enqueue_event(
            TaskStatusUpdateEvent(
                task_id=context.task_id,
                context_id=context.context_id,
                status=TaskStatus(state=state, timestamp=now()),
            )
        )
