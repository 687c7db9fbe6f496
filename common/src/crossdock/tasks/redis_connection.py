"""How the journal reaches Redis, and what becomes of Redis' errors."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel, SSLConnection
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from crossdock.errors import ConfigError
from crossdock.tasks.journal import JournalDown, JournalFull
from crossdock.tasks.outage import Outage
from crossdock.tasks.redis_link import PooledLink, RedisLink, SharedLink, plain_losses

T = TypeVar("T")

PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    OSError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
)
"""Errors that a restart, a failover or a moved slot makes for a while."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is. `nodes` are host:port: one for `standalone`, any number for `cluster` and `sentinel`.

    `master` is the name that the Sentinels know. The password stands in a file.
    """

    nodes: tuple[tuple[str, int], ...]
    mode: str = "standalone"
    master: str = ""
    database: int = 0
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    timeout: float = 2.0
    connections: int = 64

    def client(self) -> "Redis | RedisCluster":
        """Connects lazily; no command waits longer than `timeout` for its answer."""
        host, port = self.nodes[0]
        options = self._options()
        if self.mode == "cluster":
            return RedisCluster(host, port, max_connections=self.connections, **options)
        if self.mode == "sentinel":
            waits = {name: value for name, value in options.items() if name.startswith("socket")}
            sentinel = Sentinel(list(self.nodes), **waits)  # type: ignore[no-untyped-call]
            found: Redis = sentinel.master_for(self.master, db=self.database, **options)
            return found
        if self.tls:
            options.pop("ssl")
        kind = SSLConnection if self.tls else Connection
        pool = BlockingConnectionPool(
            connection_class=kind,
            host=host,
            port=port,
            db=self.database,
            max_connections=self.connections,
            timeout=self.timeout,
            **options,
        )
        return Redis.from_pool(pool)

    def link(self, client: "Redis | RedisCluster") -> RedisLink:
        if isinstance(client, RedisCluster):
            return PooledLink(client)
        return SharedLink(client.connection_pool.make_connection, self.timeout)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "socket_timeout": self.timeout,
            "socket_connect_timeout": self.timeout,
            "retry": Retry(NoBackoff(), 0),  # tried again here, where it is known what may be sent twice
            "username": self.username,
            "password": self.password,
            "protocol": 2,  # nothing is pushed on a connection that did not ask for it
        }
        if self.tls:
            options |= {"ssl": True, "ssl_ca_certs": str(self.ca_file) if self.ca_file else None}
        return options


async def answered(call: Callable[[], Awaitable[T]], outage: Outage, *, seconds: float) -> T:
    """The command's answer, tried again for `seconds` while Redis is away.

    For commands that may be sent twice: tenacity would cost as much as one. Raises `JournalDown`, without the
    driver's words.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    attempt = 0
    while True:
        try:
            with plain_losses():
                answer = await call()
        except PASSING as error:
            attempt += 1
            outage.failed(type(error).__name__)
            if clock() >= deadline:
                raise JournalDown from error
        except exceptions.RedisError as error:
            raise _down(error, outage) from error
        else:
            outage.over()
            return answer
        pause = min(0.01 * 2**attempt, 0.5)
        await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret


def _down(error: exceptions.RedisError, outage: Outage) -> JournalDown:
    if _out_of_memory(error):
        return JournalFull()  # whoever sweeps tells the log
    outage.failed(f"{type(error).__name__} {str(error).partition(' ')[0]}")  # Redis begins with a code
    return JournalDown()


async def disconnect(client: "Redis | RedisCluster") -> None:
    """Closes the client, and those that ask its Sentinels, which nobody else closes."""
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    await client.aclose()
    for watcher in manager.sentinels if manager else []:
        await watcher.aclose()


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, exceptions.ResponseError) and "maxmemory" in str(error)


def parsed_nodes(text: str) -> tuple[tuple[str, int], ...]:
    """`host:port,host:port`. Raises `ConfigError`."""
    nodes = []
    for item in text.split(","):
        host, _, port = item.strip().rpartition(":")
        if not host or not port.isdigit():
            raise ConfigError(f"{item.strip()!r} is no address of a Redis node. Write host:port, commas between them.")
        nodes.append((host.strip("[]"), int(port)))
    return tuple(nodes)
