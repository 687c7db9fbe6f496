"""The outbox that replicas share; `lua/prelude.lua` says which keys it has."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from a2a.types import TaskPushNotificationConfig

from crossdock.tasks.journal import StoreFull
from crossdock.tasks.outbox import Delivery, PushConfigUnknown, PushOutbox, TooManyPushConfigs
from crossdock.tasks.redis_link import RunScript
from crossdock.tasks.redis_replies import known
from crossdock.tasks.wakeups import Wakeups

PUSH_SCRIPTS = ("push_save", "push_read", "push_delete", "push_claim", "push_advance", "push_end")
Fields = dict[bytes, bytes]


def placed(config: TaskPushNotificationConfig | None, limit: int) -> tuple[Any, ...]:
    """A configuration as scripts take it."""
    return (config.id, config.SerializeToString(), limit) if config is not None else ("", "", limit)


class RedisOutbox(PushOutbox):
    def __init__(
        self,
        prefixes: Sequence[str],
        shard_of: Callable[[str], str],
        run: RunScript,
        wakeups: Wakeups,
        limit: int,
        owner_bytes: int,
    ) -> None:
        self._prefixes = prefixes
        self._shard_of = shard_of
        self._run = run
        self._wakeups = wakeups
        self._limit = limit
        self._owner_bytes = owner_bytes
        self._next = 0

    async def save(self, owner: str, config: TaskPushNotificationConfig) -> None:
        task_id = config.task_id
        args = (owner, task_id, *placed(config, self._limit), self._owner_bytes)
        match known(await self._run("push_save", self._shard_of(task_id), *args), task_id)[0]:
            case b"crowded":
                raise TooManyPushConfigs(self._limit)
            case b"large":
                raise StoreFull

    async def list(self, owner: str, task_id: str) -> list[TaskPushNotificationConfig]:
        fields = await self._kept(owner, task_id)
        alive = sorted(name for name in fields if name.startswith(b"c:") and b"d:" + name[2:] not in fields)
        return [TaskPushNotificationConfig.FromString(fields[name]) for name in alive]

    async def get(self, owner: str, task_id: str, config_id: str) -> TaskPushNotificationConfig:
        found = (await self._kept(owner, task_id)).get(b"c:" + config_id.encode())
        if found is None:
            raise PushConfigUnknown(config_id)
        return TaskPushNotificationConfig.FromString(found)

    async def _kept(self, owner: str, task_id: str) -> Fields:
        reply = known(await self._run("push_read", self._shard_of(task_id), owner, task_id), task_id)
        return dict(zip(reply[1][::2], reply[1][1::2], strict=True))

    async def delete(self, owner: str, task_id: str, config_id: str) -> None:
        known(await self._run("push_delete", self._shard_of(task_id), owner, task_id, config_id), task_id)

    async def claim(self, seconds: float, busy: Collection[str] = ()) -> Delivery | None:
        for _ in self._prefixes:
            self._next = (self._next + 1) % len(self._prefixes)
            reply = await self._run("push_claim", self._prefixes[self._next], _ms(seconds), *busy)
            if reply[0] == b"claim":
                _, task_id, owner, config, fence, sent, attempts = reply
                parsed = TaskPushNotificationConfig.FromString(config)
                return Delivery(owner.decode(), task_id.decode(), parsed, int(fence), int(sent), int(attempts))
        return None

    async def advance(self, delivery: Delivery, number: int, seconds: float) -> bool:
        task_id, config_id = delivery.task_id, delivery.config.id
        args = (task_id, config_id, delivery.fence, number, _ms(seconds))
        reply = await self._run("push_advance", self._shard_of(task_id), *args)
        return bool(reply[0] == b"ok")

    async def settle(self, delivery: Delivery) -> None:
        await self._end(delivery, "settle")

    async def postpone(self, delivery: Delivery, attempts: int, seconds: float) -> None:
        await self._end(delivery, "postpone", attempts, _ms(seconds))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        await self._end(delivery, "bury", reason)

    async def _end(self, delivery: Delivery, how: str, *args: Any) -> None:
        task_id, config_id = delivery.task_id, delivery.config.id
        await self._run("push_end", self._shard_of(task_id), task_id, config_id, delivery.fence, how, *args)

    async def work(self, seconds: float) -> None:
        await self._wakeups.pushes(seconds)

    def wake(self) -> None:
        self._wakeups.push()


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
