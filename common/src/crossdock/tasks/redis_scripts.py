"""The Lua scripts: each is one change of a task's state."""

import hashlib
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from crossdock.tasks.outage import Outage
from crossdock.tasks.redis_link import Lane, RedisLink
from crossdock.tasks.redis_outbox import PUSH_SCRIPTS

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
    "read",
    "sequence",
    "saved",
    "waiting",
    "take",
    *PUSH_SCRIPTS,
)
LANES = dict.fromkeys(("read", "list", "claim", "seize"), Lane.READS)
LARGE = 64 * 1024
"""Whoever sends more does not do so before those that hold leases."""


def script(name: str) -> str:
    """Whole, as Redis runs it."""
    folder = files("crossdock.tasks") / "lua"
    return "".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("prelude", name))


def shard(service: str, number: int) -> str:
    """What all keys of a service's shard begin with."""
    return f"xd:{service}:{{{service}:{number}}}:"


class Scripts:
    """Each by its name. One that Redis does not know, after a restart or a failover, is sent whole."""

    def __init__(self, client: "Redis | RedisCluster", link: Callable[[], RedisLink]) -> None:
        self._client = client
        self._links = {lane: link() for lane in Lane}
        self._unconfirmed = Outage("write_not_confirmed", "writes_confirmed")
        self._texts = {name: script(name) for name in SCRIPTS}
        self._hashes = {name: _sha1(text) for name, text in self._texts.items()}

    async def run(self, name: str, prefix: str, *args: Any, confirm: int = 0, lane: Lane | None = None) -> Any:
        """`confirm`: waits so many milliseconds, on the same connection, for one replica to have the write."""
        link = self._links[lane or _lane(name, args)]
        send = link.send if not confirm else partial(self._confirmed, confirm)
        try:
            return await send("EVALSHA", self._hashes[name], 1, prefix, *args)
        except NoScriptError:
            return await send("EVAL", self._texts[name], 1, prefix, *args)

    async def ask(self, *command: Any) -> Any:
        """A plain command."""
        return await self._links[Lane.CONTROL].send(*command)

    async def _confirmed(self, milliseconds: int, *command: Any) -> Any:
        """On a connection of its own: those behind it would wait, too."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.execute_command(*command)
        pipeline.execute_command("WAIT", 1, milliseconds)
        answer, replicas = await pipeline.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(replicas, Exception) or replicas < 1:
            self._unconfirmed.failed("no replica answered in time")
        else:
            self._unconfirmed.over()
        return answer

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()


def _lane(name: str, args: tuple[Any, ...]) -> Lane:
    if sum(len(arg) for arg in args if isinstance(arg, bytes)) > LARGE:
        return Lane.WRITES
    return LANES.get(name, Lane.CONTROL)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
