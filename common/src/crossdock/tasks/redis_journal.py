"""The journal that replicas share. Each state change is one script; `lua/prelude.lua` says which keys there are."""

import asyncio
import contextlib
import hashlib
import heapq
import json
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from a2a.types import Task
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from crossdock.errors import ConfigError
from crossdock.tasks.cursor import Position, position
from crossdock.tasks.journal import (
    Accepted,
    Claim,
    Entry,
    IdempotencyKey,
    JournalDown,
    JournalLimits,
    KeyReused,
    Lease,
    LeaseLost,
    Logged,
    QueueFull,
    Renewal,
    Snapshot,
    TaskEnded,
    TaskFilter,
    TaskJournal,
    TaskPage,
    TaskUnknown,
)
from crossdock.tasks.record import Record, encoded, folded, status_of
from crossdock.tasks.redis_connection import RedisAddress, answered
from crossdock.tasks.wakeups import Wakeups

SCRIPTS = (
    "create",
    "follow",
    "claim",
    "seize",
    "renew",
    "release",
    "append",
    "cancel",
    "checkpoint",
    "sweep",
    "delete",
    "list",
)
POLL = 3.0
"""A reader looks for itself after so many seconds, should a wake-up be lost."""
SWEPT = 100
VISIBILITY = 10.0
FORMAT = 1
Log = list[tuple[int, Record]]
Found = tuple[int, list[Position]]


class Script:
    """A Lua script by its hash, sent whole where Redis does not know it: after a restart or a failover."""

    def __init__(self, name: str, prelude: str) -> None:
        folder = files("crossdock.tasks") / "lua"
        self._text = prelude + (folder / f"{name}.lua").read_text(encoding="utf-8")
        self._sha = ""

    async def __call__(self, client: "Redis | RedisCluster", prefix: str, *args: Any) -> Any:
        if self._sha:
            try:
                return await client.evalsha(self._sha, 1, prefix, *args)
            except NoScriptError:
                pass
        answer = await client.eval(self._text, 1, prefix, *args)
        self._sha = _sha1(self._text)
        return answer


class RedisJournal(TaskJournal):
    """Task ids carry their shard: it follows from a checksum of the id."""

    durable = True

    def __init__(
        self,
        service: str,
        address: RedisAddress,
        limits: JournalLimits | None = None,
        *,
        shards: int = 1,
        patience: float = 4.0,
    ) -> None:
        self.limits = limits or JournalLimits()
        self._client = address.client()
        self._prefixes = [f"xd:{service}:{{{service}:{shard}}}:" for shard in range(shards)]
        self._patience = patience
        prelude = (files("crossdock.tasks") / "lua" / "prelude.lua").read_text(encoding="utf-8")
        self._scripts = {name: Script(name, prelude) for name in SCRIPTS}
        self._wakeups = Wakeups(self._client, [f"{prefix}wake" for prefix in self._prefixes])
        self._checked = False
        self._next = 0
        self._waits_ended = False

    async def open(self, canceled: Callable[[str], None]) -> None:
        """Raises `ConfigError` where the store was made for another number of shards, or by a newer release.

        A Redis that is away is no error: that is found out when it is back.
        """
        self._wakeups.start(canceled)
        with contextlib.suppress(JournalDown):
            await self._check()

    async def _check(self) -> None:
        async def meta() -> Any:
            key = f"{self._prefixes[0]}meta"
            await self._client.hsetnx(key, "shards", str(len(self._prefixes)))
            await self._client.hsetnx(key, "format", str(FORMAT))
            return await self._client.hmget(key, ["shards", "format"])

        shards, version = await answered(meta, seconds=self._patience)
        if int(shards) != len(self._prefixes):
            raise ConfigError(f"The task store has {int(shards)} shards. Set CROSSDOCK_REDIS_SHARDS to that number.")
        if int(version) > FORMAT:
            raise ConfigError("The task store was written by a newer release. Start that one.")
        self._checked = True

    async def close(self) -> None:
        await self._wakeups.close()
        await self._client.aclose()

    async def ready(self) -> bool:
        await answered(lambda: self._client.hget(f"{self._prefixes[0]}meta", "shards"), seconds=1.0)
        return True

    def shard_of(self, task_id: str) -> str:
        """The prefix of a task's keys."""
        return self._prefixes[zlib.crc32(task_id.encode()) % len(self._prefixes)]

    def task_id(self, owner: str, key: IdempotencyKey | None) -> str:
        """A new id. One with a key lies in the key's shard, so that one script sees both."""
        task_id = str(uuid.uuid4())
        if key is not None:
            while self.shard_of(task_id) != self.shard_of(f"{owner}:{key.key}"):
                task_id = str(uuid.uuid4())
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
            *_key(key),
            _ms(self.limits.idempotency),
        )
        return _accepted(reply)

    async def follow(
        self,
        owner: str,
        task_id: str,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
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
            *_key(key),
            _ms(self.limits.idempotency),
            uuid.uuid4().hex,
        )
        return _accepted(reply, task_id)

    @property
    def _queued(self) -> int:
        return max(1, self.limits.queued // len(self._prefixes))

    async def claim(self, worker: str) -> Claim | None:
        for _ in self._prefixes:
            self._next = (self._next + 1) % len(self._prefixes)
            prefix = self._prefixes[self._next]
            reply = await self._run("claim", prefix, worker, _ms(self.limits.lease), uuid.uuid4().hex)
            if reply[0] == b"claim":
                return _claim(reply)
        return None

    async def seize(self, task_id: str, worker: str, *, overdue: bool = False) -> Claim:
        args = (task_id, worker, _ms(self.limits.lease), int(overdue))
        return _claim(_known(await self._run("seize", self.shard_of(task_id), *args), task_id))

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
        self, lease: Lease, entries: Sequence[Entry], *, begun: bytes | None = None, token: str = ""
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
            *args,
        )
        sequence = int(_known(reply, lease.task_id)[1])
        self._wakeups.changed(lease.task_id)
        return sequence

    async def cancel(self, owner: str, task_id: str, worker: str) -> Claim | None:
        reply = await self._run("cancel", self.shard_of(task_id), owner, task_id, worker, _ms(self.limits.lease))
        return _claim(reply) if _known(reply, task_id)[0] == b"claim" else None

    async def sweep(self) -> list[str]:
        args = (SWEPT, _ms(VISIBILITY), _ms(self.limits.lease))
        replies = await self._everywhere("sweep", dict.fromkeys(self._prefixes, args))
        return [item.decode() for reply in replies.values() for item in reply]

    async def work(self, seconds: float) -> None:
        await self._wakeups.work(seconds)

    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        last = "+" if upto is None else f"{max(upto, 1)}-0"
        log = await self._log(owner, task_id, "e", "-", last)
        return Snapshot(folded(record for _, record in log), log[-1][0], owner)

    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[Logged]:
        log = await self._log(owner, task_id, "e", f"{after + 1}-0", "+", limit)
        return [record.logged(number) for number, record in log]

    async def wait(self, task_id: str, after: int, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._wakeups.watching(task_id) as changed:
            while True:
                changed.clear()
                if await self._sequence(task_id) > after:
                    return True
                left = deadline - loop.time()
                if left <= 0 or self._waits_ended:
                    return False
                await self._wakeups.wait(changed, min(left, POLL))

    def end_waits(self) -> None:
        self._waits_ended = True
        self._wakeups.everybody()

    async def list(
        self, owner: str, wanted: TaskFilter, page_token: str, page_size: int, *, artifacts: bool = False
    ) -> TaskPage:
        before = position(page_token)
        total = 0
        shards: list[list[Position]] = []
        for prefix in self._prefixes:
            count, found = await self._page(prefix, owner, wanted, before, page_size + 1)
            total += count
            shards.append(found)
        merged = list(heapq.merge(*shards, reverse=True))
        page = merged[:page_size]
        tasks = await asyncio.gather(*(self._listed(owner, item.task_id, artifacts=artifacts) for item in page))
        token = page[-1].token() if page and len(merged) > page_size else ""
        return TaskPage([task for task in tasks if task is not None], token, total)

    async def _page(self, prefix: str, owner: str, wanted: TaskFilter, before: Position | None, size: int) -> Found:
        state = "" if wanted.state is None else str(int(wanted.state))
        name = f"o:{owner}"
        if wanted.context_id:
            name = f"oc:{owner}:{wanted.context_id}"
        elif state:
            name, state = f"os:{owner}:{state}", ""
        least = -(-wanted.after_ns // 1000)
        cursor = (before.micros, before.task_id) if before else ("", "")
        total, found = await self._run("list", prefix, name, least, *cursor, size, state)
        pairs = zip(found[::2], found[1::2], strict=True)
        return total, [Position(int(float(score)), task_id.decode()) for task_id, score in pairs]

    async def _listed(self, owner: str, task_id: str, *, artifacts: bool) -> Task | None:
        try:
            log = await self._log(owner, task_id, "e" if artifacts else "b", "-", "+")
        except TaskUnknown:  # it expired between the two looks
            return None
        return folded(record for _, record in log)

    async def save_checkpoint(self, lease: Lease, data: Any) -> None:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        reply = await self._run("checkpoint", self.shard_of(lease.task_id), lease.task_id, lease.fence, text)
        _known(reply, lease.task_id)

    async def checkpoint(self, task_id: str) -> Any:
        key = f"{self.shard_of(task_id)}t:{task_id}"
        owner, data = await answered(
            lambda: self._client.hmget(key, ["owner", "checkpoint"]),
            seconds=self._patience,
        )
        if owner is None:
            raise TaskUnknown(task_id)
        return None if data is None else json.loads(data)

    async def delete(self, task_id: str) -> None:
        await self._run("delete", self.shard_of(task_id), task_id)

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

    async def _run(self, name: str, prefix: str, *args: Any) -> Any:
        if not self._checked:
            await self._check()
        return await answered(lambda: self._scripts[name](self._client, prefix, *args), seconds=self._patience)

    async def _sequence(self, task_id: str) -> int:
        key = f"{self.shard_of(task_id)}t:{task_id}"
        value = await answered(lambda: self._client.hget(key, "sequence"), seconds=self._patience)
        if value is None:
            raise TaskUnknown(task_id)
        return int(value)

    async def _log(self, owner: str, task_id: str, kind: str, first: str, last: str, limit: int | None = None) -> Log:
        prefix = self.shard_of(task_id)

        async def fetch() -> Any:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hget(f"{prefix}t:{task_id}", "owner")
            pipeline.xrange(f"{prefix}{kind}:{task_id}", first, last, limit)
            return await pipeline.execute()

        holder, found = await answered(fetch, seconds=self._patience)
        if holder is None or holder.decode() != owner:
            raise TaskUnknown(task_id)
        if not found and first == "-":  # it expired between the two commands
            raise TaskUnknown(task_id)
        return [(_number(item), _record(fields)) for item, fields in found]


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _key(key: IdempotencyKey | None) -> tuple[str, str]:
    return (key.key, key.digest) if key else ("", "")


def _number(stream_id: bytes) -> int:
    return int(stream_id.partition(b"-")[0])


def _record(fields: dict[bytes, bytes]) -> Record:
    return Record(fields[b"k"], fields[b"e"], fields.get(b"m", b""), int(fields[b"n"]))


def _known(reply: Any, task_id: str) -> Any:
    """The reply, unless it says that there is nothing to do it to."""
    match reply[0]:
        case b"unknown":
            raise TaskUnknown(task_id)
        case b"ended":
            raise TaskEnded(task_id)
        case b"lost":
            raise LeaseLost(task_id)
    return reply


def _accepted(reply: Any, task_id: str = "") -> Accepted:
    match _known(reply, task_id)[0]:
        case b"full":
            raise QueueFull
        case b"reused":
            raise KeyReused
        case b"claim":
            claim = _claim(reply)
            return Accepted(claim.lease.task_id, claim.number, claim.sequence, claim)
    status, found, turn, sequence = reply
    return Accepted(found.decode(), int(turn), int(sequence), again=status == b"again")


def _claim(reply: Any) -> Claim:
    _, task_id, owner, fence, turn, number, sequence, begun, lost, canceled, over, left, resumed = reply
    return Claim(
        Lease(task_id.decode(), owner.decode(), int(fence)),
        turn,
        int(number),
        int(sequence),
        begun == b"1",
        int(lost),
        canceled == b"1",
        over == b"1",
        int(left) / 1000,
        resumed == b"1",
    )
