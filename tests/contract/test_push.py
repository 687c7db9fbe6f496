"""What every outbox of push notifications must do. The same suite runs on each implementation."""

import asyncio

import pytest
from a2a.types import Task, TaskPushNotificationConfig, TaskState, TaskStatus

from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, JournalLimits, Lease, StoreFull, TaskJournal, TaskUnknown
from crossdock.tasks.outbox import Delivery, PushConfigUnknown, TooManyPushConfigs
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.journals import opened
from tests.support.redis_server import RedisServer

WORKING = TaskState.TASK_STATE_WORKING
COMPLETED = TaskState.TASK_STATE_COMPLETED
LEASE = 30.0


@pytest.fixture
def limits() -> JournalLimits:
    return JournalLimits(lease=30.0, retention=3600, interrupted=3600, pushes=3)


def hook(config_id: str = "c", task_id: str = "t", token: str = "") -> TaskPushNotificationConfig:
    return TaskPushNotificationConfig(id=config_id, task_id=task_id, url="https://hook.example", token=token)


async def begun(
    journal: TaskJournal, task_id: str = "t", owner: str = "acme", push: TaskPushNotificationConfig | None = None
) -> Lease:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    await journal.create(owner, Task(id=task_id, context_id="c", status=status), b"turn", 60.0, push=push)
    return (await journal.seize(task_id, "w")).lease


async def append(journal: TaskJournal, lease: Lease, *states: TaskState) -> int:
    return await journal.append(lease, [Entry(status_event(lease.task_id, "c", state)) for state in states])


async def claimed(journal: TaskJournal, seconds: float = LEASE, busy: tuple[str, ...] = ()) -> Delivery:
    """The next delivery, as soon as there is one."""
    async with asyncio.timeout(10):
        while (delivery := await journal.outbox.claim(seconds, busy)) is None:
            await journal.outbox.work(0.05)
    return delivery


async def rests(journal: TaskJournal) -> bool:
    return await journal.outbox.claim(LEASE) is None


async def test_a_configuration_is_kept_as_it_was_given(journal: TaskJournal) -> None:
    await begun(journal)
    config = hook("with:colon ü", token="secret")
    config.authentication.scheme = "Bearer"
    await journal.outbox.save("acme", config)
    await journal.outbox.save("acme", hook("another"))
    assert await journal.outbox.get("acme", "t", config.id) == config
    assert await journal.outbox.list("acme", "t") == [hook("another"), config]
    await append(journal, (await journal.seize("t", "w")).lease, WORKING)
    found = {(await claimed(journal)).config.id, (await claimed(journal)).config.id}
    assert found == {"another", "with:colon ü"}


async def test_configurations_take_of_their_owners_space(one_queue: str, redis: RedisServer) -> None:
    async with opened(one_queue, redis, JournalLimits(owner_bytes=3_000, retention=0.0, pushes=3)) as journal:
        outbox, large = journal.outbox, "x" * 2_000
        lease = await begun(journal)
        for _ in range(3):  # one in another's place counts once
            await outbox.save("acme", hook("a", token=large))
        await outbox.save("acme", hook("b", token=large))
        for refused in (outbox.save("acme", hook("c")), outbox.save("acme", hook("a", token=large + "x"))):
            with pytest.raises(StoreFull):
                await refused
        with pytest.raises(StoreFull):
            await begun(journal, "t2")
        await outbox.save("acme", hook("a"))
        await outbox.save("acme", hook("c"))
        await outbox.delete("acme", "t", "b")
        await outbox.delete("acme", "t", "b")
        await begun(journal, "t2", push=hook("a", "t2", token=large))
        await outbox.save("acme", hook("b", token=large))
        with pytest.raises(StoreFull):
            await begun(journal, "t3")
        await append(journal, lease, COMPLETED)
        await journal.sweep()
        await begun(journal, "t3")


async def test_only_the_owner_sees_configurations(journal: TaskJournal) -> None:
    await begun(journal)
    await journal.outbox.save("acme", hook())
    for attempt in (
        journal.outbox.save("globex", hook("mine")),
        journal.outbox.get("globex", "t", "c"),
        journal.outbox.list("globex", "t"),
        journal.outbox.delete("globex", "t", "c"),
        journal.outbox.get("acme", "other", "c"),
        journal.outbox.save("acme", hook(task_id="other")),
    ):
        with pytest.raises(TaskUnknown):
            await attempt
    assert await journal.outbox.list("acme", "t") == [hook()]


async def test_what_was_deleted_is_gone_and_deleting_is_idempotent(journal: TaskJournal) -> None:
    lease = await begun(journal, push=hook())
    await journal.outbox.delete("acme", "t", "c")
    await journal.outbox.delete("acme", "t", "c")
    with pytest.raises(PushConfigUnknown):
        await journal.outbox.get("acme", "t", "c")
    await append(journal, lease, WORKING)
    assert await rests(journal)


async def test_a_task_has_a_limited_number_of_configurations(journal: TaskJournal) -> None:
    await begun(journal, push=hook("0"))
    for config_id in ("1", "2", "2"):
        await journal.outbox.save("acme", hook(config_id))
    with pytest.raises(TooManyPushConfigs, match="at most 3"):
        await journal.outbox.save("acme", hook("3"))
    with pytest.raises(TooManyPushConfigs):
        await journal.follow("acme", "t", b"turn", 60.0, push=hook("3"))
    await journal.outbox.delete("acme", "t", "0")
    await journal.outbox.save("acme", hook("3"))
    assert [config.id for config in await journal.outbox.list("acme", "t")] == ["1", "2", "3"]


async def test_a_refused_follow_up_leaves_no_turn(journal: TaskJournal) -> None:
    await begun(journal)
    for config_id in "012":
        await journal.outbox.save("acme", hook(config_id))
    with pytest.raises(TooManyPushConfigs):
        await journal.follow("acme", "t", b"refused", 60.0, push=hook("3"))
    assert (await journal.follow("acme", "t", b"turn", 60.0, push=hook("2"))).turn == 2


async def test_a_configuration_that_came_with_the_task_gets_every_event(journal: TaskJournal) -> None:
    lease = await begun(journal, push=hook())
    delivery = await claimed(journal)
    assert (delivery.owner, delivery.task_id, delivery.sent, delivery.attempts) == ("acme", "t", 0, 0)
    assert await journal.outbox.advance(delivery, 1, LEASE)
    await journal.outbox.settle(delivery)
    assert await rests(journal)
    await append(journal, lease, WORKING, COMPLETED)
    assert (await claimed(journal)).sent == 1


async def test_a_later_configuration_gets_what_comes_after_it(journal: TaskJournal) -> None:
    lease = await begun(journal)
    await append(journal, lease, WORKING)
    await journal.outbox.save("acme", hook())
    await journal.follow("acme", "t", b"turn", 60.0, push=hook("with a message"))
    assert await rests(journal)
    await append(journal, lease, COMPLETED)
    assert {(await claimed(journal)).sent, (await claimed(journal)).sent} == {2}


async def test_a_configuration_for_an_ended_task_gets_the_end(journal: TaskJournal) -> None:
    await append(journal, await begun(journal), WORKING, COMPLETED)
    await journal.outbox.save("acme", hook())
    assert (await claimed(journal)).sent == 2


async def test_a_claim_is_one_replicas_alone_until_its_lease_is_over(journal: TaskJournal) -> None:
    await begun(journal, push=hook())
    first = await claimed(journal, seconds=0.2)
    assert await rests(journal)
    second = await claimed(journal)
    assert second.sent == 0
    assert not await journal.outbox.advance(first, 1, LEASE)
    await journal.outbox.postpone(first, 1, 0.0)
    await journal.outbox.bury(first, "late")
    await journal.outbox.settle(first)
    assert await journal.outbox.list("acme", "t") == [hook()]
    assert await journal.outbox.advance(second, 1, LEASE)


async def test_progress_keeps_the_lease(journal: TaskJournal) -> None:
    await append(journal, await begun(journal, push=hook()), WORKING)
    delivery = await claimed(journal, seconds=0.2)
    assert await journal.outbox.advance(delivery, 1, LEASE)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await claimed(journal)
    assert await journal.outbox.advance(delivery, 2, LEASE)


async def test_what_came_while_it_was_delivered_is_due_at_once(journal: TaskJournal) -> None:
    lease = await begun(journal, push=hook())
    delivery = await claimed(journal)
    await append(journal, lease, WORKING)
    assert await rests(journal)
    await journal.outbox.advance(delivery, 1, LEASE)
    await journal.outbox.settle(delivery)
    assert (await claimed(journal)).sent == 1


async def test_a_failure_is_tried_again_later_and_counted_until_a_success(journal: TaskJournal) -> None:
    lease = await begun(journal, push=hook())
    await journal.outbox.postpone(await claimed(journal), 1, 0.2)
    await append(journal, lease, WORKING)
    assert await rests(journal), "an event does not make a pause shorter"
    again = await claimed(journal)
    assert (again.attempts, again.sent) == (1, 0)
    await journal.outbox.advance(again, 1, LEASE)
    await journal.outbox.settle(again)
    assert (await claimed(journal)).attempts == 0


async def test_the_dead_rest_until_they_are_saved_again(journal: TaskJournal) -> None:
    lease = await begun(journal, push=hook())
    await journal.outbox.bury(await claimed(journal), "410")
    await append(journal, lease, WORKING)
    assert await rests(journal)
    assert await journal.outbox.list("acme", "t") == []
    assert await journal.outbox.get("acme", "t", "c") == hook()
    await journal.outbox.save("acme", hook(token="new"))
    delivery = await claimed(journal)
    assert (delivery.config.token, delivery.sent, delivery.attempts) == ("new", 0, 0)
    assert await journal.outbox.list("acme", "t") == [hook(token="new")]


async def test_a_change_ends_a_delivery_under_way(journal: TaskJournal) -> None:
    await begun(journal, push=hook())
    delivery = await claimed(journal)
    await journal.outbox.save("acme", hook(token="new"))
    assert not await journal.outbox.advance(delivery, 1, LEASE)
    assert (await claimed(journal)).config.token == "new"


async def test_busy_owners_hold_nobody_up(journal: TaskJournal) -> None:
    for number in range(5):
        await begun(journal, f"loud-{number}", push=hook(task_id=f"loud-{number}"))
    await begun(journal, "quiet", "globex", push=hook(task_id="quiet"))
    assert (await claimed(journal, busy=("acme", "nobody"))).owner == "globex"
    assert (await claimed(journal)).owner == "acme"


async def test_waiting_ends_when_something_is_due(journal: TaskJournal) -> None:
    await begun(journal)
    await journal.outbox.save("acme", hook())

    async def due() -> Delivery:
        while (delivery := await journal.outbox.claim(LEASE)) is None:
            await journal.outbox.work(30.0)
        return delivery

    waiting = asyncio.create_task(due())
    await append(journal, (await journal.seize("t", "w")).lease, WORKING)
    async with asyncio.timeout(10):
        assert (await waiting).sent == 1


async def test_nothing_is_left_of_a_forgotten_task(journal: TaskJournal, store: RedisServer | None) -> None:
    await begun(journal, push=hook())
    await journal.outbox.save("acme", hook("second"))
    delivery = await claimed(journal)
    await journal.delete((await journal.seize("t", "w")).lease)
    assert await rests(journal)
    assert not await journal.outbox.advance(delivery, 1, LEASE)
    with pytest.raises(TaskUnknown):
        await journal.outbox.list("acme", "t")
    if isinstance(journal, RedisJournal) and store is not None:
        async with store.client() as client:
            left = {key for prefix in journal._prefixes for key in await client.keys(f"{prefix}*")}
        assert left == {f"{journal._prefixes[0]}meta".encode()}
