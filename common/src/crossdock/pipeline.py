"""Agent logic without A2A: what an agent is given, what it may say, and nothing of how it travels.

A pipeline is one class with one method that must be written. It never sees a task store, a token or a protobuf
message, so it can be run in a test with `crossdock.testing.run_pipeline`, or lifted out of Crossdock altogether.
The generic executor (`crossdock.server.executor`) translates between this module and A2A v1.0.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataPart:
    """A JSON value. Whole numbers are `int` again, although A2A's `Struct` carries every number as a double."""

    data: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file: `content` as bytes or, in a pipeline with `fetch_urls = False`, only its `url`."""

    name: str
    media_type: str
    content: bytes = b""
    url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


Part = TextPart | DataPart | FilePart


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message: `role` is A2A's, `parts` may lack files' contents."""

    role: Literal["user", "agent"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRequest:
    """What one turn of a task brings.

    `skill` is the skill id that the turn runs under. `turns` are the earlier messages of this same task, oldest first;
    `context` those of the same owner's earlier tasks in this context. `checkpoint` is what this task's pipeline last
    yielded as `Checkpoint`, also in an earlier turn. `hops` counts the agents that the request has passed through.
    """

    parts: tuple[Part, ...]
    customer: str
    task_id: str = ""
    context_id: str = ""
    skill: str = ""
    turns: tuple[Turn, ...] = ()
    context: tuple[Turn, ...] = ()
    checkpoint: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    hops: int = 0

    @property
    def text(self) -> str:
        """The text parts of this turn, joined by line breaks."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def files(self) -> tuple[FilePart, ...]:
        return tuple(part for part in self.parts if isinstance(part, FilePart))

    @property
    def data(self) -> tuple[DataPart, ...]:
        return tuple(part for part in self.parts if isinstance(part, DataPart))


@dataclass(frozen=True, slots=True)
class Progress:
    """The task is still WORKING; `fraction` is 0..1 where it is known."""

    text: str
    fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactChunk:
    """A whole artifact, or one chunk of it: later chunks repeat `name` (or `artifact_id`) with `append=True`."""

    name: str
    parts: tuple[Part, ...]
    append: bool = False
    last: bool = True
    artifact_id: str = ""
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A value for the task's metadata, under a URN of its own; `text` says the same to people."""

    key: str
    data: Any
    text: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a later turn, or another process after this one died, needs to go on. JSON.

    A `lazy` one saves work that can be done again: it may be stored a moment later, with what comes next.
    """

    data: Any
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class InputRequired:
    """Ends the turn: the task waits for the caller's next message (A2A's INPUT_REQUIRED)."""

    text: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthRequired:
    """Ends the turn: the caller must grant something out of band first (A2A's AUTH_REQUIRED, section 7.6)."""

    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """Ends the task as COMPLETED. Results proper are artifacts (section 3.7); `text` is a word about them."""

    text: str = ""


Output = Progress | ArtifactChunk | Annotation | Checkpoint | InputRequired | AuthRequired | Result


@dataclass(frozen=True, slots=True)
class Computed:
    """The last item of `Run.compute`: what the function returned."""

    value: Any


Report = Callable[[str, float | None], None]


class Run(Protocol):
    """What the surroundings offer to a running pipeline."""

    def remaining(self) -> float:
        """Seconds until the deadline; never negative."""
        ...

    def handed_over(self) -> bool:
        """Whether another process goes on with the turn, so that what it holds elsewhere must be left alone."""
        ...

    def compute(self, function: Callable[..., Any], /, *args: Any) -> AsyncIterator[Progress | Computed]:
        """Runs `function(report, *args)` in a child process, so that the event loop never stalls.

        `function` is a module-level function, `args` and its result must be picklable, and `report(text, fraction)`
        sends progress to the caller. Yields that `Progress` and, last, one `Computed`. The child is killed when the
        pipeline is cancelled or its deadline passes. A `Rejected` or `Failed` raised in the child is raised here.
        """
        ...


@dataclass(frozen=True, slots=True)
class SkillChoice:
    """Which skill a turn runs under, and in half a sentence why: both are shown to the caller."""

    skill: str
    reason: str


class AgenticPipeline(ABC):
    """One agent's logic.

    `skills` are the ids on its card. Cancellation arrives as `asyncio.CancelledError` at the current `await`: clean up
    in `finally` and let it pass. Raise `crossdock.errors.Rejected` for a request that should be changed and
    `crossdock.errors.Failed` for work that could not be done; both texts go to the caller. Any other exception ends
    the task as FAILED under an error id, and its text stays in the log.
    """

    skills: tuple[str, ...] = ()
    fetch_urls: bool = True
    """Whether files given by URL are downloaded (behind the SSRF guard) before the pipeline runs."""

    @abstractmethod
    def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        """Yields outputs; the last one is `Result`, `InputRequired` or `AuthRequired`."""

    def choose_skill(self, request: PipelineRequest) -> SkillChoice:
        """Infers the skill of a request that names none; not called for one that does."""
        return SkillChoice(self.skills[0], "the agent's only skill" if len(self.skills) == 1 else "the default skill")

    async def abandoned(self, request: PipelineRequest) -> None:
        """The task was cancelled while it waited for its caller: gives up what it holds elsewhere; nothing by default.

        `request` is the last one, with the checkpoint.
        """
        return

    def warm_up(self) -> Sequence[str]:
        """Modules that the child processes of `Run.compute` should have imported before the first request."""
        return ()
