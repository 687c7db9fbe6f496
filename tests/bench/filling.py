"""Ended tasks in a store, as many as a benchmark wants there, each as `BenchExecutor` would have left it."""

import uuid

import redis
from a2a.types import Artifact, Message, Part, Role, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus

from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, TaskJournal

TOGETHER = 1_000
OWNER = "acme"
COPY = """
local id = ARGV[1]
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  local at = string.find(key, id, 1, true)
  local stored = at and redis.call('DUMP', key)
  for i = 2, #ARGV do
    if at then
      redis.call('RESTORE', string.sub(key, 1, at - 1) .. ARGV[i] .. string.sub(key, at + #id), 0, stored)
    elseif kind == 'zset' and redis.call('ZSCORE', key, id) then
      redis.call('ZADD', key, redis.call('ZSCORE', key, id), ARGV[i])
    end
  end
end
"""


async def fill(journal: TaskJournal, tasks: int) -> None:
    for _ in range(tasks):
        await ended(journal)


async def ended(journal: TaskJournal) -> str:
    """A new task's id."""
    task_id, context_id = journal.task_id(OWNER, None), str(uuid.uuid4())
    said = Message(
        message_id="m", role=Role.ROLE_USER, parts=[Part(text="hello")], task_id=task_id, context_id=context_id
    )
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    task = Task(id=task_id, context_id=context_id, status=status, history=[said])
    await journal.create(OWNER, task, b"", 600.0)
    artifact = Artifact(artifact_id="a", parts=[Part(text="some twenty letters.")])
    claim = await journal.seize(task_id, "filling")
    entries = [
        Entry(status_event(task_id, context_id, TaskState.TASK_STATE_WORKING)),
        Entry(TaskArtifactUpdateEvent(task_id=task_id, context_id=context_id, artifact=artifact, last_chunk=True)),
        Entry(status_event(task_id, context_id, TaskState.TASK_STATE_COMPLETED)),
    ]
    await journal.append(claim.lease, entries)
    return task_id


async def copy(journal: TaskJournal, tasks: int, client: redis.Redis) -> None:
    """The same in Redis, where the journal would take minutes: copies of one task, whatever its keys are."""
    first = await ended(journal)
    keys = [key for key in client.scan_iter(count=TOGETHER) if first in str(key) or client.type(key) == b"zset"]
    for start in range(1, tasks, TOGETHER):
        ids = [str(uuid.uuid4()) for _ in range(start, min(start + TOGETHER, tasks))]
        client.eval(COPY, len(keys), *keys, first, *ids)
