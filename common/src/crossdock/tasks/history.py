"""What a task's owner said and got before, in the same context or by reference."""

import contextlib

from a2a.types import Message, Task

from crossdock.tasks.journal import TaskFilter, TaskJournal, TaskUnknown


async def earlier_tasks(
    journal: TaskJournal, owner: str, task: Task, message: Message, limit: int, *, new_context: bool
) -> list[Task]:
    """The owner's earlier tasks in the task's context, and those that the message refers to; oldest first."""
    earlier: dict[str, Task] = {}
    if not new_context:
        page = await journal.list(owner, TaskFilter(context_id=task.context_id), "", limit + 1, artifacts=True)
        earlier = {other.id: other for other in reversed(page.tasks) if other.id != task.id}
    for task_id in list(message.reference_task_ids)[:limit]:
        with contextlib.suppress(TaskUnknown):
            earlier.setdefault(task_id, (await journal.get(owner, task_id)).task)
    return list(earlier.values())
