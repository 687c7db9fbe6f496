"""Fakes and drivers that ship with the package, for Crossdock's own tests and for those of your agents."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from crossdock.pipeline import (
    AgenticPipeline,
    ArtifactChunk,
    AuthRequired,
    Computed,
    InputRequired,
    Output,
    Part,
    PipelineRequest,
    Progress,
    Result,
)


class InlineRun:
    """A `Run` that computes in the test's own process."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds

    def remaining(self) -> float:
        return self._seconds

    def handed_over(self) -> bool:
        return False

    async def compute(self, function: Callable[..., Any], /, *args: Any) -> AsyncIterator[Progress | Computed]:
        progress: list[Progress] = []
        value = function(lambda text, fraction=None: progress.append(Progress(text, fraction)), *args)
        for item in progress:
            yield item
        yield Computed(value)


@dataclass
class Conversation:
    """What one turn of a pipeline yielded."""

    outputs: list[Output] = field(default_factory=list)

    @property
    def end(self) -> Result | InputRequired | AuthRequired:
        last = self.outputs[-1]
        assert isinstance(last, Result | InputRequired | AuthRequired), f"the turn ends with {last!r}"
        return last

    def artifact(self, name: str) -> tuple[Part, ...]:
        """All parts of the artifact `name`, its chunks joined."""
        return tuple(
            part
            for item in self.outputs
            if isinstance(item, ArtifactChunk) and item.name == name
            for part in item.parts
        )

    @property
    def artifact_names(self) -> list[str]:
        return list(dict.fromkeys(item.name for item in self.outputs if isinstance(item, ArtifactChunk)))


async def run_pipeline(pipeline: AgenticPipeline, request: PipelineRequest, *, seconds: float = 60.0) -> Conversation:
    """Runs one turn as the executor would: infers the skill if the request names none, and collects the outputs.

    Raises what the pipeline raises.
    """
    if not request.skill:
        request = replace(request, skill=pipeline.choose_skill(request).skill)
    conversation = Conversation()
    async for output in pipeline.run(request, InlineRun(seconds)):
        conversation.outputs.append(output)
    return conversation


def request(parts: Iterable[Part], *, customer: str = "acme", **values: Any) -> PipelineRequest:
    """A request with the fields that a test does not care about filled in."""
    return PipelineRequest(parts=tuple(parts), customer=customer, task_id="task-1", context_id="context-1", **values)
