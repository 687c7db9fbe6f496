"""The Redis under chaos: one that is killed and started again, or two of which Sentinel promotes the other."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.redis_server import RedisServer

MASTER = "tasks"
FAILOVER_SECONDS = 60.0


class OneRedis:
    """With `appendfsync always`. `back` says when it was there again."""

    deed = "Redis killed"

    def __init__(self, folder: Path) -> None:
        self._server = RedisServer(folder / "redis", "--appendfsync", "always")
        self.back: list[float] = []

    @property
    def settings(self) -> dict[str, object]:
        return {"redis_nodes": self._server.nodes}

    async def start(self, stack: ExitStack) -> None:
        await self._server.start()
        stack.callback(self._server.stop)

    async def crash(self, seconds: float) -> None:
        """Is away for `seconds`, and as long as it takes to read its log."""
        self._server.kill()
        await asyncio.sleep(seconds)
        await self._server.start()
        self.back.append(time.time())


class TwoRedis:
    """As shipped, with `durability: replica`. `back` says when the other one had been promoted."""

    deed = "Redis killed, its replica promoted"

    def __init__(self, folder: Path) -> None:
        self._primary = RedisServer(folder / "redis-1")
        self._replica = RedisServer(folder / "redis-2")
        self._file = folder / "sentinel" / "sentinel.conf"
        self._sentinel = RedisServer(folder / "sentinel", sentinel=self._file)
        self.back: list[float] = []

    @property
    def settings(self) -> dict[str, object]:
        return {
            "redis_nodes": self._sentinel.nodes,
            "redis_mode": "sentinel",
            "redis_master": MASTER,
            "durability": "replica",
        }

    async def start(self, stack: ExitStack) -> None:
        for server in (self._primary, self._replica):
            await server.start()
            stack.callback(server.stop)
        await self._follow()
        self._file.parent.mkdir()
        self._file.write_text(
            f"port {self._sentinel.port}\nbind 127.0.0.1\ndir {self._file.parent}\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {self._primary.port} 1\n"
            f"sentinel down-after-milliseconds {MASTER} 1000\nsentinel failover-timeout {MASTER} 3000\n"
        )
        await self._sentinel.start()
        stack.callback(self._sentinel.stop)
        await self._known()

    async def crash(self, seconds: float) -> None:
        """The primary is gone for good; `seconds` after its successor took over it comes back as that one's replica."""
        self._primary.kill()
        await _until(self._replica, _leads)
        self.back.append(time.time())
        self._primary, self._replica = self._replica, self._primary
        await asyncio.sleep(seconds)
        await self._replica.start()
        await self._follow()
        await self._known()

    async def _follow(self) -> None:
        async with self._replica.client() as client:
            await client.replicaof("127.0.0.1", self._primary.port)
        await _until(self._replica, _copies)

    async def _known(self) -> None:
        """Sentinel knows a replica that it could promote."""

        async def promotable(client: Redis) -> bool:
            return any(
                item["port"] == self._replica.port and not item["is_disconnected"] and not item["is_sdown"]
                for item in await client.sentinel_slaves(MASTER)
            )

        await _until(self._sentinel, promotable)


async def _copies(client: Redis) -> bool:
    return (await client.info("replication")).get("master_link_status") == "up"


async def _leads(client: Redis) -> bool:
    return bool((await client.info("replication"))["role"] == "master")


async def _until(server: RedisServer, holds: Callable[[Redis], Awaitable[bool]]) -> None:
    """A server that changes its role drops its connections."""
    async with asyncio.timeout(FAILOVER_SECONDS):
        while True:
            with contextlib.suppress(RedisError):
                async with server.client() as client:
                    if await holds(client):
                        return
            await asyncio.sleep(0.05)


STORES: dict[str, type[OneRedis] | type[TwoRedis]] = {"primary": OneRedis, "replica": TwoRedis}
