"""What a stream missed while it was cut: the difference between a task as seen and as it now stands."""

from collections.abc import Iterator

from a2a.types import Artifact, Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent

from crossdock.tasks.events import copied


def difference(seen: Task, task: Task) -> Iterator[TaskArtifactUpdateEvent | TaskStatusUpdateEvent]:
    """Events that lead from `seen` to `task`: artifacts first, so that the status stays the last word."""
    known = {artifact.artifact_id: artifact for artifact in seen.artifacts}
    for artifact in task.artifacts:
        event = _artifact(known.get(artifact.artifact_id), artifact)
        if event is not None:
            event.task_id, event.context_id = task.id, task.context_id
            yield event
    if task.status != seen.status:
        update = TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=task.status)
        if task.metadata != seen.metadata:
            update.metadata.CopyFrom(task.metadata)
        yield update


def _artifact(seen: Artifact | None, artifact: Artifact) -> TaskArtifactUpdateEvent | None:
    if seen is None:
        return TaskArtifactUpdateEvent(artifact=artifact, last_chunk=True)
    if list(seen.parts) == list(artifact.parts):
        return None
    have = len(seen.parts)
    if list(artifact.parts)[:have] != list(seen.parts):
        return TaskArtifactUpdateEvent(artifact=artifact, last_chunk=True)
    rest = copied(artifact)
    del rest.parts[:have]
    return TaskArtifactUpdateEvent(artifact=rest, append=True, last_chunk=True)
