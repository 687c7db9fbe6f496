"""The Lua scripts: each is one change of a task's state."""

import hashlib
from importlib.resources import files
from typing import Any

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from crossdock.tasks.redis_outbox import PUSH_SCRIPTS

log = structlog.get_logger(__name__)
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
    *PUSH_SCRIPTS,
)


class Script:
    """A Lua script by its hash, sent whole where Redis does not know it: after a restart or a failover."""

    def __init__(self, name: str, prelude: str) -> None:
        self._name = name
        folder = files("crossdock.tasks") / "lua"
        self._text = prelude + (folder / f"{name}.lua").read_text(encoding="utf-8")
        self._sha = ""

    async def __call__(self, client: "Redis | RedisCluster", prefix: str, *args: Any, confirm: int = 0) -> Any:
        """`confirm`: waits so many milliseconds, on the same connection, for one replica to have the write."""
        if self._sha:
            try:
                return await self._sent(client, "evalsha", self._sha, prefix, args, confirm)
            except NoScriptError:
                pass
        answer = await self._sent(client, "eval", self._text, prefix, args, confirm)
        self._sha = _sha1(self._text)
        return answer

    async def _sent(
        self, client: "Redis | RedisCluster", how: str, script: str, prefix: str, args: tuple[Any, ...], confirm: int
    ) -> Any:
        if not confirm:
            return await getattr(client, how)(script, 1, prefix, *args)
        pipeline = client.pipeline(transaction=False)
        getattr(pipeline, how)(script, 1, prefix, *args)
        pipeline.execute_command("WAIT", 1, confirm)
        answer, replicas = await pipeline.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(replicas, Exception) or replicas < 1:
            log.warning("write_not_confirmed", script=self._name, reason="no replica answered in time")
        return answer


def loaded() -> dict[str, Script]:
    """Every script by its name, with the prelude that all share."""
    prelude = (files("crossdock.tasks") / "lua" / "prelude.lua").read_text(encoding="utf-8")
    return {name: Script(name, prelude) for name in SCRIPTS}


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
