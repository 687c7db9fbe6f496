"""What every journal must do. The same suite runs on each implementation."""

import asyncio
import contextlib
from collections.abc import Awaitable

import pytest
from a2a.types import Artifact, Message, Part, Role, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus
from a2a.utils.errors import InvalidParamsError
from hypothesis import given
from hypothesis import strategies as st

from crossdock.tasks.events import TERMINAL, Event, fold, now, state_of, status_event
from crossdock.tasks.journal import (
    MIB,
    Claim,
    Entry,
    IdempotencyKey,
    JournalLimits,
    KeyedTaskExpired,
    KeyReused,
    Lease,
    LeaseLost,
    QueueFull,
    StoreFull,
    TaskEnded,
    TaskFilter,
    TaskJournal,
    TaskUnknown,
)
from crossdock.tasks.memory import MemoryJournal
from tests.support.journals import opened
from tests.support.redis_server import RedisServer

WORKING = TaskState.TASK_STATE_WORKING
COMPLETED = TaskState.TASK_STATE_COMPLETED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED


def new_task(task_id: str = "t", context_id: str = "c") -> Task:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    return Task(id=task_id, context_id=context_id, status=status)


def chunk(text: str, *, append: bool = False, artifact_id: str = "a") -> TaskArtifactUpdateEvent:
    artifact = Artifact(artifact_id=artifact_id, parts=[Part(text=text)])
    return TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=artifact, append=append)


def status(state: TaskState) -> Event:
    return status_event("t", "c", state)


def said(text: str) -> Message:
    return Message(message_id=text, role=Role.ROLE_USER, parts=[Part(text=text)])


async def create(journal: TaskJournal, task: Task, owner: str = "acme", seconds: float = 60.0) -> Lease:
    """Stores a task and claims it."""
    await journal.create(owner, task, b"turn-1", seconds)
    return (await journal.seize(task.id, "w")).lease


async def claimed(journal: TaskJournal) -> Claim:
    claim = await journal.claim("w")
    assert claim is not None
    return claim


async def refused(error: type[Exception], *attempts: Awaitable[object]) -> None:
    for attempt in attempts:
        with pytest.raises(error):
            await attempt


async def test_events_are_numbered_from_one_without_gaps(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    assert await journal.append(lease, [Entry(status(WORKING)), Entry(chunk("x"))]) == 3
    assert await journal.append(lease, [Entry(status(COMPLETED))]) == 4
    assert [logged.number for logged in await journal.read("acme", "t", 0)] == [1, 2, 3, 4]
    assert [logged.number for logged in await journal.read("acme", "t", 2, limit=1)] == [3]
    assert await journal.read("acme", "t", 4) == []


async def test_nothing_follows_the_end(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await journal.append(lease, [Entry(status(COMPLETED)), Entry(status(WORKING))])
    canceled = [Entry(status(TaskState.TASK_STATE_CANCELED))]
    await refused(TaskEnded, journal.append(lease, canceled), journal.seize("t", "w"))
    await refused(TaskEnded, journal.follow("acme", "t", b"", 9), journal.cancel("acme", "t", "w"))
    snapshot = await journal.get("acme", "t")
    assert (snapshot.task.status.state, snapshot.sequence) == (COMPLETED, 2)


async def test_a_task_belongs_to_its_owner(journal: TaskJournal) -> None:
    await create(journal, new_task())
    await refused(
        TaskUnknown, journal.get("globex", "t"), journal.read("globex", "t", 0), journal.get("globex", "t", 1)
    )
    await refused(TaskUnknown, journal.follow("globex", "t", b"", 9), journal.cancel("globex", "t", "w"))
    assert (await journal.list("globex", TaskFilter(), "", 10)).tasks == []


async def test_readers_get_copies(journal: TaskJournal) -> None:
    task = new_task()
    await create(journal, task)
    task.context_id = "changed"
    (await journal.get("acme", "t")).task.context_id = "changed"
    (await journal.read("acme", "t", 0))[0].event.context_id = "changed"
    (await journal.list("acme", TaskFilter(), "", 10)).tasks[0].context_id = "changed"
    assert (await journal.get("acme", "t")).task.context_id == "c"
    assert (await journal.get("acme", "t", 1)).task.context_id == "c"


async def test_a_callers_message_joins_the_history_in_order(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    question = Message(message_id="q", role=Role.ROLE_AGENT, parts=[Part(text="Which?")])
    await journal.append(lease, [Entry(status_event("t", "c", ASKS, question))])
    await journal.append(lease, [Entry(status(WORKING), said("r"))])
    assert [item.message_id for item in (await journal.get("acme", "t")).task.history] == ["q", "r"]


async def test_wait_returns_at_the_next_event_or_in_time(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    assert await journal.wait("t", 0, 5)
    assert not await journal.wait("t", 1, 0.01)
    waiting = asyncio.create_task(journal.wait("t", 1, 5))
    await asyncio.sleep(0)
    await journal.append(lease, [Entry(status(WORKING))])
    assert await waiting


async def test_lists_page_with_the_latest_first(journal: TaskJournal) -> None:
    for number in range(7):
        task = new_task(f"t{number}", "even" if number % 2 == 0 else "odd")
        task.status.timestamp.FromMicroseconds(1_000_000 + number)
        await create(journal, task)
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
    submitted = TaskState.TASK_STATE_SUBMITTED
    assert (await journal.list("acme", TaskFilter(context_id="odd", state=submitted), "", 10)).total == 3
    assert (await journal.list("acme", TaskFilter(after_ns=1_000_005_000), "", 10)).total == 2
    await refused(InvalidParamsError, journal.list("acme", TaskFilter(), "nonsense!", 3))


async def test_tasks_of_the_same_moment_are_all_listed_once(journal: TaskJournal) -> None:
    moment = now()
    for number in range(9):
        task = new_task(f"t{number}")
        task.status.timestamp.CopyFrom(moment)
        await create(journal, task)
    seen, token = [], ""
    for _ in range(5):
        page = await journal.list("acme", TaskFilter(), token, 2)
        seen += [task.id for task in page.tasks]
        token = page.next_token
    assert (sorted(seen), token) == ([f"t{number}" for number in range(9)], "")


async def test_lists_follow_the_state_and_leave_artifacts_out(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await journal.append(lease, [Entry(status(WORKING)), Entry(chunk("x")), Entry(status(COMPLETED))])
    [task] = (await journal.list("acme", TaskFilter(state=COMPLETED), "", 10)).tasks
    assert (task.status.state, len(task.artifacts)) == (COMPLETED, 0)
    [task] = (await journal.list("acme", TaskFilter(), "", 10, artifacts=True)).tasks
    assert task.artifacts[0].parts[0].text == "x"
    assert (await journal.list("acme", TaskFilter(state=WORKING), "", 10)).total == 0


async def test_a_checkpoint_comes_with_events_but_not_with_the_end(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await journal.append(lease, [Entry(status(WORKING))], checkpoint={"step": 1})
    assert await journal.checkpoint("t") == {"step": 1}
    await journal.append(lease, [Entry(chunk("x"))])
    assert await journal.checkpoint("t") == {"step": 1}
    await journal.append(lease, [Entry(status(COMPLETED))], checkpoint={"step": 2})
    assert await journal.checkpoint("t") is None


async def test_alone_in_a_context_is_only_who_is(journal: TaskJournal) -> None:
    await journal.create("acme", new_task("t"), b"turn", 60, worker="w")
    assert not (await journal.create("acme", new_task("u"), b"turn", 60, worker="w")).alone


async def test_checkpoints_are_kept_and_deleted_with_the_task(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    assert await journal.checkpoint("t") is None
    await journal.save_checkpoint(lease, {"step": [1]})
    assert await journal.checkpoint("t") == {"step": [1]}
    await journal.delete(lease)
    await refused(TaskUnknown, journal.checkpoint("t"))
    await journal.delete(lease)  # a retry: the answer to the first was lost


async def test_only_the_holder_deletes_and_never_an_ended_task(journal: TaskJournal) -> None:
    former = await create(journal, new_task())
    lease = (await journal.seize("t", "w2")).lease
    await refused(LeaseLost, journal.delete(former))
    await journal.append(lease, [Entry(status(COMPLETED))])
    await refused(TaskEnded, journal.delete(lease))


async def test_a_free_worker_gets_the_new_task_at_once(journal: TaskJournal) -> None:
    accepted = await journal.create("acme", new_task(), b"turn-1", 60, worker="w")
    assert accepted.claim is not None
    assert (accepted.claim.turn, accepted.claim.number, accepted.claim.begun) == (b"turn-1", 1, True)
    assert await journal.claim("w2") is None


async def test_every_task_is_served_once(journal: TaskJournal) -> None:
    for name in ("a1", "a2", "a3"):
        await journal.create("acme", new_task(name), b"", 60)
    await journal.create("globex", new_task("g1"), b"", 60)
    order = [await journal.claim("w") for _ in range(5)]
    assert sorted(claim.lease.task_id for claim in order if claim is not None) == ["a1", "a2", "a3", "g1"]
    assert order[-1] is None


async def test_who_waits_is_counted_whoever_it_is(journal: TaskJournal) -> None:
    assert await journal.waiting() == 0
    for owner, name in (("acme", "a1"), ("acme", "a2"), ("globex", "g1")):
        await journal.create(owner, new_task(name), b"", 60)
    assert await journal.waiting() == 3
    claim = await claimed(journal)
    assert await journal.waiting() == 2
    await journal.release(claim.lease, give_back=True)
    assert await journal.waiting() == 3


async def test_a_noisy_owner_delays_another_by_one_task(one_queue: str, redis: RedisServer) -> None:
    async with opened(one_queue, redis, JournalLimits()) as journal:
        for number in range(20):
            await journal.create("acme", new_task(f"a{number}"), b"", 60)
        await journal.create("globex", new_task("g"), b"", 60)
        assert [(await claimed(journal)).lease.task_id for _ in range(3)] == ["a0", "g", "a1"]


async def test_who_waits_comes_before_who_comes(one_queue: str, redis: RedisServer) -> None:
    async with opened(one_queue, redis, JournalLimits()) as journal:
        await journal.create("acme", new_task("first"), b"", 60)
        accepted = await journal.create("globex", new_task("second"), b"", 60, worker="w")
        assert accepted.claim is None
        assert (await claimed(journal)).lease.task_id == "first"


async def test_a_full_queue_is_its_owners_own(one_queue: str, redis: RedisServer) -> None:
    async with opened(one_queue, redis, JournalLimits(queued=3)) as journal:
        for number in range(3):
            await journal.create("acme", new_task(f"a{number}"), b"", 60)
        await refused(QueueFull, journal.create("acme", new_task("a4"), b"", 60))
        await refused(TaskUnknown, journal.get("acme", "a4"))
        await journal.create("globex", new_task("g"), b"", 60)


async def test_an_owners_queue_is_never_longer_in_sum(kind: str, store: RedisServer | None) -> None:
    """Each shard takes its part: one may be full while others have room."""
    async with opened(kind, store, JournalLimits(queued=8)) as journal:
        for number in range(40):
            with contextlib.suppress(QueueFull):
                await journal.create("acme", new_task(f"t{number}"), b"", 60)
        assert 2 <= (await journal.list("acme", TaskFilter(), "", 50)).total <= 8


async def test_a_full_store_is_its_owners_own(one_queue: str, redis: RedisServer) -> None:
    async with opened(one_queue, redis, JournalLimits(owner_bytes=2_000, retention=0.0)) as journal:
        lease = await create(journal, new_task("t1"))
        await journal.append(lease, [Entry(chunk("x" * 2_000))])
        await refused(StoreFull, journal.create("acme", new_task("t2"), b"", 60), journal.follow("acme", "t1", b"", 60))
        await journal.create("globex", new_task("g"), b"", 60)
        await journal.append(lease, [Entry(status(COMPLETED))])
        await journal.sweep()
        await journal.create("acme", new_task("t2"), b"", 60)


async def test_checkpoints_take_of_their_owners_space(one_queue: str, redis: RedisServer) -> None:
    async with opened(one_queue, redis, JournalLimits(owner_bytes=2_000, retention=3600)) as journal:
        lease = await create(journal, new_task("t1"))
        for _ in range(3):  # one in another's place counts once
            await journal.save_checkpoint(lease, "x" * 1_000)
        await journal.create("acme", new_task("t2"), b"", 60)
        await journal.append(lease, [Entry(chunk("x"))], checkpoint="x" * 2_000)
        await refused(StoreFull, journal.create("acme", new_task("t3"), b"", 60))
        await journal.save_checkpoint(lease, "small")
        await journal.create("acme", new_task("t3"), b"", 60)
        await journal.save_checkpoint(lease, "x" * 2_000)
        await refused(StoreFull, journal.create("acme", new_task("t4"), b"", 60))
        await journal.append(lease, [Entry(status(COMPLETED))])
        await journal.create("acme", new_task("t4"), b"", 60)


async def test_a_page_is_bounded_in_bytes(journal: TaskJournal) -> None:
    sizes = {"small": 1000, "fits": MIB, "large": 5 * MIB, "half": 2 * MIB, "more": MIB // 2, "over": 2 * MIB}
    for name, size in sizes.items():
        task = new_task(name)
        task.history.append(said("x" * (size // 2)))  # as its id too
        await create(journal, task)
    page = await journal.list("acme", TaskFilter(), "", 10)
    pages = [{task.id for task in page.tasks}]
    while page.next_token:
        page = await journal.list("acme", TaskFilter(), page.next_token, 10)
        pages.append({task.id for task in page.tasks})
    assert pages == [{"over", "more"}, {"half"}, {"large"}, {"fits", "small"}]
    assert page.total == len(sizes)


async def test_a_former_holder_writes_nothing(journal: TaskJournal) -> None:
    former = await create(journal, new_task())
    claim = await journal.seize("t", "other")
    await refused(LeaseLost, journal.append(former, [Entry(status(COMPLETED))]), journal.save_checkpoint(former, 1))
    await journal.release(former)  # no error, and no effect
    assert await journal.append(claim.lease, [Entry(status(WORKING))]) == 2
    assert (await journal.renew([former])).lost == {"t"}
    assert (await journal.renew([claim.lease])).lost == frozenset()


async def test_a_lost_task_is_given_to_another_worker(journal: TaskJournal) -> None:
    former = await create(journal, new_task())
    claim = await journal.claim("w2")
    assert claim is None
    async with asyncio.timeout(5):
        while claim is None:
            assert await journal.sweep() == []
            claim = await journal.claim("w2")
            await asyncio.sleep(0.02)
    assert (claim.lost, claim.turn, claim.over) == (1, b"turn-1", False)
    await refused(LeaseLost, journal.append(former, [Entry(status(WORKING))]))


async def test_a_renewed_lease_is_kept(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await create(journal, new_task("other"))
    while (claim := await journal.claim("w2")) is None:  # until a lease that nobody renews has run out
        assert (await journal.renew([lease])).lost == frozenset()
        await journal.sweep()
        await asyncio.sleep(0.01)
    assert claim.lease.task_id == "other"
    assert await journal.append(lease, [Entry(status(WORKING))]) == 2


async def test_a_store_that_was_away_spares_living_holders(journal: TaskJournal, limits: JournalLimits) -> None:
    await journal.sweep()
    lease = await create(journal, new_task())
    await asyncio.sleep(limits.lease * 1.5)  # time without renewals and sweeps: Redis has no clock of ours
    await journal.sweep()
    assert await journal.claim("other") is None
    assert not (await journal.renew([lease])).lost
    await journal.append(lease, [Entry(status(COMPLETED))])


async def test_a_holder_that_died_with_the_store_is_found_all_the_same(journal: TaskJournal) -> None:
    await journal.sweep()
    await create(journal, new_task())
    await asyncio.sleep(journal.limits.lease * 1.5)
    async with asyncio.timeout(10 * journal.limits.lease):
        while (claim := await journal.claim("other")) is None:
            await journal.sweep()
            await asyncio.sleep(journal.limits.lease / 3)
    assert (claim.lost, claim.resumed) == (1, True)


async def test_a_write_that_is_tried_again_is_stored_once(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    assert await journal.append(lease, [Entry(chunk("x"))], token="one") == 2
    assert await journal.append(lease, [Entry(chunk("x"))], token="one") == 2
    assert await journal.append(lease, [Entry(status(COMPLETED))], token="two") == 3
    assert await journal.append(lease, [Entry(status(COMPLETED))], token="two") == 3


async def test_holders_that_vanished_over_one_turn_do_not_count_for_the_next(journal: TaskJournal) -> None:
    await create(journal, new_task())
    claim = await taken_over(journal)
    await journal.append(claim.lease, [Entry(status(ASKS))])
    await journal.release(claim.lease)
    await journal.follow("acme", "t", b"turn-2", 60)
    following = await claimed(journal)
    assert (claim.lost, following.lost, following.number) == (1, 0, 2)


@pytest.mark.parametrize("turns_up", ["renews", "writes", "saves", "gives back"])
async def test_a_holder_that_was_only_slow_has_not_vanished(journal: TaskJournal, turns_up: str) -> None:
    slow = await create(journal, new_task())
    assert (await taken_over(journal)).lost == 1
    for _ in range(2):  # it counts once
        if turns_up == "renews":
            assert (await journal.renew([slow])).lost == {"t"}
        elif turns_up == "writes":
            await refused(LeaseLost, journal.append(slow, [Entry(status(WORKING))]))
        elif turns_up == "saves":
            await refused(LeaseLost, journal.save_checkpoint(slow, {}))
        else:
            await journal.release(slow, give_back=True)
    assert (await taken_over(journal)).lost == 1


async def taken_over(journal: TaskJournal) -> Claim:
    async with asyncio.timeout(20 * journal.limits.lease):
        while (claim := await journal.claim("next")) is None:
            await journal.sweep()
            await asyncio.sleep(journal.limits.lease / 4)
    return claim


async def test_an_overdue_task_is_not_taken_from_one_who_works_on_it(journal: TaskJournal) -> None:
    await journal.create("acme", new_task(), b"turn-1", 0)
    assert await journal.sweep() == ["t"]
    lease = (await journal.seize("t", "w", overdue=True)).lease
    await refused(LeaseLost, journal.seize("t", "other", overdue=True))
    await journal.append(lease, [Entry(status(ASKS))])
    await journal.release(lease)
    await refused(LeaseLost, journal.seize("t", "other", overdue=True))  # it waits for its caller now
    assert (await journal.follow("acme", "t", b"turn-2", 60, worker="w")).claim is not None


async def test_a_turn_given_back_says_that_it_was_claimed_before(journal: TaskJournal) -> None:
    await journal.create("acme", new_task(), b"turn-1", 60)
    first = await claimed(journal)
    await journal.release(first.lease, give_back=True)
    again = await claimed(journal)
    assert (first.resumed, again.resumed, again.lost) == (False, True, 0)


async def test_turns_follow_each_other(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    second = await journal.follow("acme", "t", b"turn-2", 60)
    third = await journal.follow("acme", "t", b"turn-3", 60)
    assert (second.turn, third.turn) == (2, 3)
    assert await journal.claim("w") is None
    await journal.append(lease, [Entry(status(ASKS))])
    await journal.release(lease)
    claim = await claimed(journal)
    assert (claim.turn, claim.number, claim.begun, claim.over) == (b"turn-2", 2, False, False)
    await journal.append(claim.lease, [Entry(status(WORKING), said("second"))], begun=b"begun-2")
    await journal.release(claim.lease, give_back=True)
    claim = await claimed(journal)
    assert (claim.turn, claim.number, claim.begun) == (b"begun-2", 2, True)
    await journal.append(claim.lease, [Entry(status(COMPLETED))])
    assert [logged.turn for logged in await journal.read("acme", "t", 0)] == [1, 1, 2, 2]


async def test_a_rested_task_goes_on_with_the_next_message(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await journal.append(lease, [Entry(status(ASKS))])
    await journal.release(lease)
    assert await journal.claim("w") is None
    accepted = await journal.follow("acme", "t", b"turn-2", 60, worker="w")
    assert accepted.claim is not None
    assert (accepted.turn, accepted.claim.turn, accepted.claim.number) == (2, b"turn-2", 2)


async def test_a_cancel_tells_the_holder(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    assert await journal.cancel("acme", "t", "api") is None
    assert (await journal.renew([lease])).canceled == {"t"}


async def test_a_cancel_of_a_task_that_nobody_began_is_the_callers(journal: TaskJournal) -> None:
    await journal.create("acme", new_task(), b"", 60)
    claim = await journal.cancel("acme", "t", "api")
    assert claim is not None
    assert claim.canceled
    assert await journal.claim("w") is None


async def test_a_cancel_of_a_resting_task_is_work(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await journal.append(lease, [Entry(status(ASKS))])
    await journal.release(lease)
    assert await journal.cancel("acme", "t", "api") is None
    claim = await claimed(journal)
    assert (claim.canceled, claim.over, claim.turn) == (True, True, b"turn-1")


async def test_overdue_tasks_are_named_once(journal: TaskJournal) -> None:
    await journal.create("acme", new_task(), b"", 0.0)
    await journal.create("acme", new_task("later"), b"", 60.0)
    assert await journal.sweep() == ["t"]
    assert await journal.sweep() == []


async def test_an_unanswered_question_becomes_overdue(kind: str, store: RedisServer | None) -> None:
    async with opened(kind, store, JournalLimits(interrupted=0.0)) as journal:
        lease = await create(journal, new_task())
        await journal.append(lease, [Entry(status(ASKS))])
        await journal.release(lease)
        assert await journal.sweep() == ["t"]
        claim = await journal.seize("t", "w")
        assert (claim.over, claim.seconds <= 0) == (True, True)


async def test_the_same_key_gives_the_same_task(journal: TaskJournal) -> None:
    key = IdempotencyKey("k", "digest")
    first_id, second_id = journal.task_id("acme", key), journal.task_id("acme", key)
    first = await journal.create("acme", new_task(first_id), b"", 60, key=key)
    second = await journal.create("acme", new_task(second_id), b"", 60, key=key)
    assert (second.task_id, second.again, first.again) == (first.task_id, True, False)
    await refused(
        KeyReused, journal.create("acme", new_task(second_id), b"", 60, key=IdempotencyKey("k", "another digest"))
    )
    strange = journal.task_id("globex", key)
    assert not (await journal.create("globex", new_task(strange), b"", 60, key=key)).again
    assert (await journal.list("acme", TaskFilter(), "", 10)).total == 1


async def test_the_same_key_gives_the_same_turn(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    await journal.append(lease, [Entry(status(ASKS))])
    await journal.release(lease)
    key = IdempotencyKey("k", "digest")
    first = await journal.follow("acme", "t", b"turn-2", 60, key=key)
    again = await journal.follow("acme", "t", b"turn-2", 60, key=key)
    assert (first.turn, again.turn, again.again) == (2, 2, True)
    await refused(KeyReused, journal.follow("acme", "t", b"turn-3", 60, key=IdempotencyKey("k", "another digest")))


async def test_the_same_key_gives_the_same_turn_also_after_the_end(journal: TaskJournal) -> None:
    lease = await create(journal, new_task())
    key = IdempotencyKey("k", "digest")
    await journal.follow("acme", "t", b"turn-2", 60, key=key)
    await journal.append(lease, [Entry(status(TaskState.TASK_STATE_COMPLETED))])
    again = await journal.follow("acme", "t", b"turn-2", 60, key=key)
    assert (again.task_id, again.turn, again.again) == ("t", 2, True)
    await refused(TaskEnded, journal.follow("acme", "t", b"turn-2", 60, key=IdempotencyKey("other", "digest")))


async def test_a_key_outlives_its_task(kind: str, store: RedisServer | None) -> None:
    async with opened(kind, store, JournalLimits(retention=0.0, idempotency=60.0)) as journal:
        key = IdempotencyKey("k", "digest")
        task_id = journal.task_id("acme", key)
        accepted = await journal.create("acme", new_task(task_id), b"", 60, worker="w", key=key)
        assert accepted.claim
        await journal.append(accepted.claim.lease, [Entry(status(COMPLETED))])
        await forgotten(journal, task_id)
        again = journal.task_id("acme", key)
        await refused(KeyedTaskExpired, journal.create("acme", new_task(again), b"", 60, key=key))
        other = IdempotencyKey("k", "another digest")
        await refused(KeyReused, journal.create("acme", new_task(again), b"", 60, key=other))
        assert not (await journal.create("globex", new_task(again), b"", 60, key=key)).again


async def test_a_key_is_forgotten_after_its_time(kind: str, store: RedisServer | None) -> None:
    async with opened(kind, store, JournalLimits(idempotency=0.02)) as journal:
        key = IdempotencyKey("k", "digest")
        first = await journal.create("acme", new_task(journal.task_id("acme", key)), b"", 60, key=key)
        async with asyncio.timeout(10):
            while (await journal.create("acme", new_task(journal.task_id("acme", key)), b"", 60, key=key)).again:
                pass
        assert (await journal.list("acme", TaskFilter(), "", 10)).total == 2
        assert (await journal.get("acme", first.task_id)).sequence == 1


async def forgotten(journal: TaskJournal, task_id: str) -> None:
    async with asyncio.timeout(10):
        while True:
            await journal.sweep()
            try:
                await journal.get("acme", task_id)
            except TaskUnknown:
                return


async def test_finished_tasks_expire_and_unfinished_ones_do_not(kind: str, store: RedisServer | None) -> None:
    async with opened(kind, store, JournalLimits(retention=0.0)) as journal:
        lease = await create(journal, new_task("t"))
        await create(journal, new_task("open"))
        await journal.append(lease, [Entry(chunk("x")), Entry(status(COMPLETED))])
        await journal.sweep()
        await refused(TaskUnknown, journal.get("acme", "t"))
        assert (await journal.get("acme", "open")).sequence == 1
        assert (await journal.list("acme", TaskFilter(), "", 10)).total == 1


EVENTS = st.lists(
    st.one_of(
        st.sampled_from([status(WORKING), status(ASKS)]),
        st.builds(chunk, st.text(max_size=3), artifact_id=st.sampled_from(["a", "b"])),
        st.sampled_from([status(COMPLETED)]),
    ),
    max_size=12,
)


@given(events=EVENTS, upto=st.integers(1, 14))
def test_a_task_is_what_its_events_make_it(events: list[Event], upto: int) -> None:
    async def check() -> None:
        journal = MemoryJournal()
        lease = await create(journal, new_task())
        for event in events:
            try:
                await journal.append(lease, [Entry(event)])
            except TaskEnded:
                break
        made = Task()
        log = [logged.event for logged in await journal.read("acme", "t", 0)]
        for event in log[:upto]:
            fold(made, event)
        assert (await journal.get("acme", "t", upto)).task == made
        assert sum(state_of(event) in TERMINAL for event in log) <= 1

    asyncio.run(check())
