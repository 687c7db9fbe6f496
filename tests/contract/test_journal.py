"""What every journal must do. The same suite runs on each implementation."""

import asyncio
from collections.abc import Callable

import pytest
from a2a.types import Artifact, Message, Part, Role, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus
from a2a.utils.errors import InvalidParamsError
from hypothesis import given
from hypothesis import strategies as st

from crossdock.tasks.events import TERMINAL, Event, fold, now, state_of, status_event
from crossdock.tasks.journal import Entry, TaskEnded, TaskFilter, TaskJournal, TaskUnknown
from crossdock.tasks.memory import MemoryJournal

WORKING = TaskState.TASK_STATE_WORKING
COMPLETED = TaskState.TASK_STATE_COMPLETED


@pytest.fixture(params=[MemoryJournal])
def journal(request: pytest.FixtureRequest) -> TaskJournal:
    made: TaskJournal = request.param()
    return made


def new_task(task_id: str = "t", context_id: str = "c") -> Task:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    return Task(id=task_id, context_id=context_id, status=status)


def chunk(text: str, *, append: bool = False, artifact_id: str = "a") -> TaskArtifactUpdateEvent:
    artifact = Artifact(artifact_id=artifact_id, parts=[Part(text=text)])
    return TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=artifact, append=append)


def status(state: TaskState) -> Event:
    return status_event("t", "c", state)


async def test_events_are_numbered_from_one_without_gaps(journal: TaskJournal) -> None:
    await journal.create("acme", new_task())
    assert await journal.append("t", [Entry(status(WORKING)), Entry(chunk("x"))]) == 3
    assert await journal.append("t", [Entry(status(COMPLETED))]) == 4
    assert [number for number, _ in await journal.read("acme", "t", 0)] == [1, 2, 3, 4]
    assert [number for number, _ in await journal.read("acme", "t", 2, limit=1)] == [3]
    assert await journal.read("acme", "t", 4) == []


async def test_nothing_follows_the_end(journal: TaskJournal) -> None:
    await journal.create("acme", new_task())
    await journal.append("t", [Entry(status(COMPLETED)), Entry(status(WORKING))])
    with pytest.raises(TaskEnded):
        await journal.append("t", [Entry(status(TaskState.TASK_STATE_CANCELED))])
    snapshot = await journal.get("acme", "t")
    assert (snapshot.task.status.state, snapshot.sequence) == (COMPLETED, 2)


async def test_a_task_belongs_to_its_owner(journal: TaskJournal) -> None:
    await journal.create("acme", new_task())
    for attempt in (journal.get("globex", "t"), journal.read("globex", "t", 0), journal.get("globex", "t", 1)):
        with pytest.raises(TaskUnknown):
            await attempt
    assert (await journal.list("globex", TaskFilter(), "", 10)).tasks == []


async def test_readers_get_copies(journal: TaskJournal) -> None:
    task = new_task()
    await journal.create("acme", task)
    task.context_id = "changed"
    (await journal.get("acme", "t")).task.context_id = "changed"
    (await journal.read("acme", "t", 0))[0][1].context_id = "changed"
    (await journal.list("acme", TaskFilter(), "", 10)).tasks[0].context_id = "changed"
    assert (await journal.get("acme", "t")).task.context_id == "c"
    assert (await journal.get("acme", "t", 1)).task.context_id == "c"


async def test_a_callers_message_joins_the_history_in_order(journal: TaskJournal) -> None:
    await journal.create("acme", new_task())
    question = Message(message_id="q", role=Role.ROLE_AGENT, parts=[Part(text="Which?")])
    await journal.append("t", [Entry(status_event("t", "c", TaskState.TASK_STATE_INPUT_REQUIRED, question))])
    answer = Message(message_id="r", role=Role.ROLE_USER, parts=[Part(text="That.")])
    await journal.append("t", [Entry(status(WORKING), answer)])
    assert [item.message_id for item in (await journal.get("acme", "t")).task.history] == ["q", "r"]


async def test_wait_returns_at_the_next_event_or_in_time(journal: TaskJournal) -> None:
    await journal.create("acme", new_task())
    assert await journal.wait("t", 0, 5)
    assert not await journal.wait("t", 1, 0.01)
    waiting = asyncio.create_task(journal.wait("t", 1, 5))
    await asyncio.sleep(0)
    await journal.append("t", [Entry(status(WORKING))])
    assert await waiting


async def test_lists_page_with_the_latest_first(journal: TaskJournal) -> None:
    for number in range(7):
        task = new_task(f"t{number}", "even" if number % 2 == 0 else "odd")
        task.status.timestamp.FromNanoseconds(1_000_000_000 + number)
        await journal.create("acme", task)
    seen, token = [], ""
    while True:
        page = await journal.list("acme", TaskFilter(), token, 3)
        seen += [task.id for task in page.tasks]
        token = page.next_token
        if not token:
            break
    assert seen == [f"t{number}" for number in reversed(range(7))]
    assert (await journal.list("acme", TaskFilter(context_id="odd"), "", 10)).total == 3
    assert (await journal.list("acme", TaskFilter(state=COMPLETED), "", 10)).total == 0
    assert (await journal.list("acme", TaskFilter(after_ns=1_000_000_005), "", 10)).total == 2
    with pytest.raises(InvalidParamsError):
        await journal.list("acme", TaskFilter(), "nonsense!", 3)


async def test_checkpoints_are_kept_and_deleted_with_the_task(journal: TaskJournal) -> None:
    await journal.create("acme", new_task())
    assert await journal.checkpoint("t") is None
    await journal.save_checkpoint("t", {"step": [1]})
    assert await journal.checkpoint("t") == {"step": [1]}
    await journal.delete("t")
    with pytest.raises(TaskUnknown):
        await journal.checkpoint("t")


async def test_finished_tasks_expire_and_unfinished_ones_do_not() -> None:
    clock = [0.0]
    read: Callable[[], float] = lambda: clock[0]  # noqa: E731
    journal = MemoryJournal(retention=10, clock=read)
    await journal.create("acme", new_task("t"))
    await journal.create("acme", new_task("open"))
    await journal.append("t", [Entry(status(COMPLETED))])
    clock[0] = 9.0
    await journal.get("acme", "t")
    clock[0] = 11.0
    with pytest.raises(TaskUnknown):
        await journal.get("acme", "t")
    assert (await journal.get("acme", "open")).sequence == 1


EVENTS = st.lists(
    st.one_of(
        st.sampled_from([status(WORKING), status(TaskState.TASK_STATE_INPUT_REQUIRED)]),
        st.builds(chunk, st.text(max_size=3), artifact_id=st.sampled_from(["a", "b"])),
        st.sampled_from([status(COMPLETED)]),
    ),
    max_size=12,
)


@given(events=EVENTS, upto=st.integers(1, 14))
def test_a_task_is_what_its_events_make_it(events: list[Event], upto: int) -> None:
    async def check() -> None:
        journal = MemoryJournal()
        await journal.create("acme", new_task())
        for event in events:
            try:
                await journal.append("t", [Entry(event)])
            except TaskEnded:
                break
        folded = Task()
        log = await journal.read("acme", "t", 0)
        for _, event in log[:upto]:
            fold(folded, event)
        assert (await journal.get("acme", "t", upto)).task == folded
        assert sum(state_of(event) in TERMINAL for _, event in log) <= 1

    asyncio.run(check())
