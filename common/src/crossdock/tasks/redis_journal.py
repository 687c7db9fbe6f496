"""The journal that replicas share. Each state change is one script; `lua/prelude.lua` says which keys there are."""

import asyncio
import json
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from a2a.types import Task, TaskPushNotificationConfig

from crossdock.errors import ConfigError
from crossdock.ids import new_id
from crossdock.tasks.events import TERMINAL, state_of
from crossdock.tasks.journal import (
    Accepted,
    Claim,
    Entry,
    IdempotencyKey,
    JournalDown,
    JournalLimits,
    Lease,
    Logged,
    Renewal,
    Snapshot,
    TaskFilter,
    TaskJournal,
    TaskPage,
)
from crossdock.tasks.outage import Outage
from crossdock.tasks.outbox import TooManyPushConfigs
from crossdock.tasks.record import checkpointed, encoded, folded, status_of
from crossdock.tasks.redis_connection import RedisAddress, answered, disconnect
from crossdock.tasks.redis_link import Lane
from crossdock.tasks.redis_outbox import RedisOutbox, placed
from crossdock.tasks.redis_rates import RedisRates
from crossdock.tasks.redis_reader import RedisReader
from crossdock.tasks.redis_replies import accepted, claim_of, known
from crossdock.tasks.redis_scripts import Scripts, shard
from crossdock.tasks.wakeups import Wakeups

log = structlog.get_logger(__name__)
POLL = 3.0
"""A reader looks for itself after so many seconds, should a wake-up be lost."""
SWEPT = 100
"""So many tasks are forgotten in one step: all others wait for it."""
SWEEPING = 1 / 30
"""Sweeps follow each other, while there is more to forget, for this share of a lease: a tenth of the keeper's beat."""
VISIBILITY = 10.0
LAYOUT = 1
"""Which keys there are, and in which shards. All replicas of a store have the same."""


class RedisJournal(TaskJournal):
    """Task ids carry their shard: it follows from a checksum of the id.

    With `confirm`, accepting a turn and ending a task wait so many seconds for one replica of Redis to have them.
    """

    durable = True

    def __init__(
        self,
        service: str,
        address: RedisAddress,
        limits: JournalLimits | None = None,
        *,
        shards: int = 1,
        patience: float = 4.0,
        confirm: float = 0.0,
    ) -> None:
        self.limits = limits or JournalLimits()
        self._client = address.client()
        self._prefixes = [shard(service, number) for number in range(shards)]
        self._patience = patience
        self._confirm = _ms(confirm)
        self._outage = Outage("redis_away", "redis_back")
        self._scripts = Scripts(self._client, lambda: address.link(self._client))
        self._wakeups = Wakeups(
            self._client,
            [f"{prefix}wake" for prefix in self._prefixes],
            lambda task_id: f"{self.shard_of(task_id)}wake:{task_id}",
        )
        self._reader = RedisReader(self._prefixes, self.shard_of, self._run)
        self.outbox = RedisOutbox(
            self._prefixes, self.shard_of, self._run, self._wakeups, self.limits.pushes, self._owner_bytes
        )
        self.rates = RedisRates(self.shard_of, self._scripts)
        self._checked = False
        self._full = False
        self._next = 0
        self._waits_ended = False

    async def open(self, canceled: Callable[[str], None]) -> None:
        """Raises `ConfigError` where the store was made for another number of shards, or by a newer release.

        A Redis that is away is no error: that is found out when it is back.
        """
        self._wakeups.start(canceled)
        try:
            await self._check()
        except JournalDown:
            return
        except ConfigError:
            await self.close()
            raise

    async def _check(self) -> None:
        async def meta() -> Any:
            key = f"{self._prefixes[0]}meta"
            known = await self._scripts.ask("HMGET", key, "shards", "format")
            if None not in known:  # a full store takes not even what changes nothing
                return known
            await self._scripts.ask("HSETNX", key, "shards", len(self._prefixes))
            await self._scripts.ask("HSETNX", key, "format", LAYOUT)
            return await self._scripts.ask("HMGET", key, "shards", "format")

        shards, version = await answered(meta, self._outage, seconds=self._patience)
        if int(shards) != len(self._prefixes):
            raise ConfigError(f"The task store has {int(shards)} shards. Set CROSSDOCK_REDIS_SHARDS to that number.")
        if int(version) > LAYOUT:
            raise ConfigError("The task store was written by a newer release. Start that one.")
        self._checked = True

    async def close(self) -> None:
        await self._wakeups.close()
        await self._scripts.close()
        await disconnect(self._client)

    async def ready(self) -> bool:
        asked = f"{self._prefixes[0]}meta", "shards"
        await answered(lambda: self._scripts.ask("HGET", *asked), self._outage, seconds=1.0)
        return True

    @property
    def full(self) -> bool:
        return self._full

    def shard_of(self, task_id: str) -> str:
        """The prefix of a task's keys."""
        return self._prefixes[zlib.crc32(task_id.encode()) % len(self._prefixes)]

    def task_id(self, owner: str, key: IdempotencyKey | None) -> str:
        """A new id. One with a key lies in the key's shard, so that one script sees both."""
        task_id = new_id()
        if key is not None:
            while self.shard_of(task_id) != self.shard_of(f"{owner}:{key.key}"):
                task_id = new_id()
        return task_id

    async def create(
        self,
        owner: str,
        task: Task,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
        push: TaskPushNotificationConfig | None = None,
    ) -> Accepted:
        record = encoded(Entry(task), 1)
        reply = await self._run(
            "create",
            self.shard_of(task.id),
            owner,
            task.id,
            task.context_id,
            int(task.status.state),
            task.status.timestamp.ToMicroseconds(),
            record.event,
            turn,
            _ms(seconds),
            worker,
            _ms(self.limits.lease),
            self._queued,
            self._owner_bytes,
            *_key(key),
            _ms(self.limits.idempotency),
            *placed(push, self.limits.pushes),
            confirm=True,
        )
        found = accepted(reply)
        # Another shard may hold what is of the same context.
        return found._replace(alone=found.alone and len(self._prefixes) == 1)

    async def follow(
        self,
        owner: str,
        task_id: str,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
        push: TaskPushNotificationConfig | None = None,
    ) -> Accepted:
        reply = await self._run(
            "follow",
            self.shard_of(task_id),
            owner,
            task_id,
            turn,
            _ms(seconds),
            worker,
            _ms(self.limits.lease),
            self._queued,
            self._owner_bytes,
            *_key(key),
            _ms(self.limits.idempotency),
            uuid.uuid4().hex,
            *placed(push, self.limits.pushes),
            confirm=True,
        )
        if reply[0] == b"crowded":
            raise TooManyPushConfigs(self.limits.pushes)
        return accepted(reply, task_id)

    @property
    def _queued(self) -> int:
        return max(1, self.limits.queued // len(self._prefixes))

    @property
    def _owner_bytes(self) -> int:
        return self.limits.owner_bytes // len(self._prefixes)

    async def claim(self, worker: str) -> Claim | None:
        for _ in self._prefixes:
            self._next = (self._next + 1) % len(self._prefixes)
            prefix = self._prefixes[self._next]
            reply = await self._run("claim", prefix, worker, _ms(self.limits.lease), uuid.uuid4().hex)
            if reply[0] == b"claim":
                return claim_of(reply)
        return None

    async def seize(self, task_id: str, worker: str, *, overdue: bool = False) -> Claim:
        args = (task_id, worker, _ms(self.limits.lease), int(overdue))
        return claim_of(known(await self._run("seize", self.shard_of(task_id), *args), task_id))

    async def renew(self, leases: Sequence[Lease]) -> Renewal:
        shards: dict[str, list[Lease]] = {}
        for lease in leases:
            shards.setdefault(self.shard_of(lease.task_id), []).append(lease)
        lost: set[str] = set()
        canceled: set[str] = set()
        pairs = {
            prefix: [item for lease in held for item in (lease.task_id, lease.fence)] for prefix, held in shards.items()
        }
        replies = await self._everywhere("renew", {name: (_ms(self.limits.lease), *pairs[name]) for name in shards})
        for prefix, reply in replies.items():
            held = shards[prefix]
            lost.update(lease.task_id for lease, said in zip(held, reply, strict=True) if said == b"lost")
            canceled.update(lease.task_id for lease, said in zip(held, reply, strict=True) if said == b"canceled")
        return Renewal(frozenset(lost), frozenset(canceled))

    async def release(self, lease: Lease, *, give_back: bool = False) -> None:
        args = (lease.task_id, lease.fence, _ms(self.limits.interrupted), int(give_back))
        await self._run("release", self.shard_of(lease.task_id), *args)

    async def append(
        self,
        lease: Lease,
        entries: Sequence[Entry],
        *,
        begun: bytes | None = None,
        token: str = "",
        checkpoint: Any = None,
    ) -> int:
        args: list[Any] = []
        for entry in entries:
            record = encoded(entry, 0)
            status = status_of(entry.event) or ("", "")
            args += [record.kind, record.event, record.message, status[0] and int(status[0]), status[1]]
        reply = await self._run(
            "append",
            self.shard_of(lease.task_id),
            lease.task_id,
            lease.fence,
            token or uuid.uuid4().hex,
            _ms(self.limits.retention),
            int(begun is not None),
            begun or b"",
            b"" if checkpoint is None else checkpointed(checkpoint),
            *args,
            confirm=self._confirm > 0 and any(state_of(entry.event) in TERMINAL for entry in entries),
        )
        sequence = int(known(reply, lease.task_id)[1])
        self._wakeups.changed(lease.task_id)
        return sequence

    async def cancel(self, owner: str, task_id: str, worker: str) -> Claim | None:
        reply = await self._run("cancel", self.shard_of(task_id), owner, task_id, worker, _ms(self.limits.lease))
        return claim_of(reply) if known(reply, task_id)[0] == b"claim" else None

    async def sweep(self) -> list[str]:
        args = (SWEPT, _ms(VISIBILITY), _ms(self.limits.lease))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.limits.lease * SWEEPING
        overdue: list[str] = []
        prefixes = self._prefixes
        full = False
        while prefixes:
            replies = await self._everywhere("sweep", dict.fromkeys(prefixes, args))
            full = full or any(reply[0] == b"full" for reply in replies.values())
            overdue += [item.decode() for reply in replies.values() for item in reply[2:]]
            more = [prefix for prefix, reply in replies.items() if reply[1] == b"more"]
            prefixes = more if loop.time() < deadline else []
        self._notice(full=full)
        return overdue

    def _notice(self, *, full: bool) -> None:
        if full != self._full:
            (log.error if full else log.info)("task_store_full" if full else "task_store_has_room", see="maxmemory")
        self._full = full

    async def work(self, seconds: float) -> None:
        await self._wakeups.work(seconds)

    async def waiting(self) -> int:
        return sum((await self._everywhere("waiting", dict.fromkeys(self._prefixes, ()))).values())

    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        log = await self._reader.log(owner, task_id, "e", last=0 if upto is None else max(upto, 1))
        return Snapshot(folded(record for _, record in log), log[-1][0], owner, log[0][1].event)

    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[Logged]:
        log = await self._reader.log(owner, task_id, "e", after + 1, limit=limit)
        return [record.logged(number) for number, record in log]

    async def wait(self, task_id: str, after: int, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._wakeups.watching(task_id) as bell:
            while True:
                known = bell.count
                if await self._sequence(task_id) > after:
                    return True
                left = deadline - loop.time()
                if left <= 0 or self._waits_ended:
                    return False
                await bell.wait(min(left, POLL), known=known)

    def end_waits(self) -> None:
        self._waits_ended = True
        self._wakeups.everybody()

    async def list(
        self, owner: str, wanted: TaskFilter, page_token: str, page_size: int, *, artifacts: bool = False
    ) -> TaskPage:
        return await self._reader.page(owner, wanted, page_token, page_size, artifacts=artifacts)

    async def save_checkpoint(self, lease: Lease, data: Any) -> None:
        args = (lease.task_id, lease.fence, checkpointed(data))
        reply = await self._run("checkpoint", self.shard_of(lease.task_id), *args)
        known(reply, lease.task_id)

    async def checkpoint(self, task_id: str) -> Any:
        data = known(await self._run("saved", self.shard_of(task_id), task_id), task_id)[1]
        return json.loads(data) if data else None

    async def delete(self, lease: Lease) -> None:
        known(await self._run("delete", self.shard_of(lease.task_id), lease.task_id, lease.fence), lease.task_id)

    async def _everywhere(self, name: str, args: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
        """The script's answers by shard; one that is away holds up none of the others."""
        found = await asyncio.gather(
            *(self._run(name, prefix, *args[prefix]) for prefix in args), return_exceptions=True
        )
        replies = dict(zip(args, found, strict=True))
        failed = [reply for reply in found if isinstance(reply, BaseException)]
        if failed and (len(failed) == len(found) or not all(isinstance(error, JournalDown) for error in failed)):
            raise failed[0]
        return {prefix: reply for prefix, reply in replies.items() if not isinstance(reply, BaseException)}

    async def _run(self, name: str, prefix: str, *args: Any, confirm: bool = False, lane: Lane | None = None) -> Any:
        if not self._checked:
            await self._check()
        wait = self._confirm if confirm else 0
        return await answered(
            lambda: self._scripts.run(name, prefix, *args, confirm=wait, lane=lane),
            self._outage,
            seconds=self._patience,
        )

    async def _sequence(self, task_id: str) -> int:
        return int(known(await self._run("sequence", self.shard_of(task_id), task_id), task_id)[1])


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _key(key: IdempotencyKey | None) -> tuple[str, str]:
    return (key.key, key.digest) if key else ("", "")
