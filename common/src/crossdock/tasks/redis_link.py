"""One connection to Redis for many callers: what they send in one turn of the event loop goes out in one write."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from enum import Enum
from typing import Any, Protocol, cast

import hiredis
from redis import exceptions
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection

from crossdock.tasks.stopping import ended

GRACE = 0.05
NOTHING = object()
ERRORS: dict[str, type[exceptions.RedisError]] = {
    "NOSCRIPT": exceptions.NoScriptError,
    "LOADING": exceptions.BusyLoadingError,
    "READONLY": exceptions.ReadOnlyError,
    "MASTERDOWN": exceptions.MasterDownError,
    "NOAUTH": exceptions.AuthenticationError,
    "WRONGPASS": exceptions.AuthenticationError,
    "NOPERM": exceptions.NoPermissionError,
    "OOM": exceptions.OutOfMemoryError,
}
"""What a caller tells apart, by the first word of Redis' answer."""
ELSEWHERE = (exceptions.ReadOnlyError, exceptions.MasterDownError, exceptions.BusyLoadingError)
"""Whoever says this is not the one to talk to: the next command looks for the master anew."""


class Lane(Enum):
    """What shares a connection: answers come in order, and what is small must not wait behind what is large."""

    CONTROL = "small both ways, leases above all"
    READS = "answers of some length"
    WRITES = "what is large to send"
    LARGE = "what is large to read, one at a time"


class RedisLink(Protocol):
    """Raises redis-py's errors. A command whose caller gave up may be done all the same."""

    async def send(self, *command: Any) -> Any: ...

    async def close(self) -> None: ...


class RunScript(Protocol):
    """By its name, in the shard of `prefix`; without a lane in the one that is its script's."""

    def __call__(self, name: str, prefix: str, *args: Any, lane: Lane | None = None) -> Awaitable[Any]: ...


class PooledLink:
    """Through the driver's own client, a connection for each caller: it knows which node of a cluster to ask."""

    def __init__(self, client: "Redis | RedisCluster") -> None:
        self._client = client

    async def send(self, *command: Any) -> Any:
        return await self._client.execute_command(*command)

    async def close(self) -> None:
        return


class SharedLink:
    """`connection` makes a connection of the driver's, which knows about TLS, users and Sentinels.

    No command waits longer than `seconds` without that more of its answer comes, or of one before it.
    """

    def __init__(self, connection: Callable[[], AbstractConnection], seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._talk: Conversation | None = None
        self._closed = False

    async def send(self, *command: Any) -> Any:
        if self._closed:  # whoever comes late would open a connection that nobody closes
            raise exceptions.ConnectionError("closed")
        if self._talk is None or self._talk.over:
            self._talk = Conversation(self._connection(), self._seconds)
        return await self._talk.asked(command)

    async def close(self) -> None:
        self._closed = True
        if self._talk is not None:
            await self._talk.close()


class Conversation(asyncio.Protocol):
    """One connection while it lasts. Answers come in the order of the commands; its end fails all that wait.

    The driver connects; from then on what comes is read here, without the driver's streams and their task.
    """

    def __init__(self, connection: AbstractConnection, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._seconds = seconds
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._answers = hiredis.Reader(replyError=_error, notEnoughData=NOTHING)
        self._ended = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._late = False
        self._heard = 0.0
        self.over = False
        self._task = self._loop.create_task(self._hold())

    def asked(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        answer = self._loop.create_future()
        self._waiting.append((answer, self._loop.time() + self._seconds))
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        self._unsent.append(hiredis.pack_command(command))
        if len(self._unsent) == 1 and self._transport is not None:
            self._loop.call_soon(self._flush)
        return answer

    async def close(self) -> None:
        self._end(exceptions.ConnectionError("closed"))
        await ended(self._task)

    def _flush(self) -> None:
        if self._transport is None or not self._unsent:
            return
        try:
            with plain_losses():
                self._transport.write(b"".join(self._unsent))
            self._unsent.clear()
        except exceptions.ConnectionError as error:
            self._end(error)
            self._task.cancel()

    async def _hold(self) -> None:
        error: BaseException = exceptions.ConnectionError("the connection was closed")
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            self._transport = _transport(self._connection)
            self._transport.set_protocol(self)
            self._flush()
            await self._ended
        except (exceptions.RedisError, OSError) as failure:
            error = failure
        finally:
            self._end(error)
            await self._connection.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            self._answers.feed(data)
            while (answer := self._answers.gets()) is not NOTHING:
                self._answered(answer)
        except hiredis.ProtocolError:
            self._end(exceptions.ConnectionError("the answer is not in Redis' protocol"))

    def connection_lost(self, _: Exception | None) -> None:
        self._end(exceptions.ConnectionError("the connection was closed"))

    def _answered(self, answer: Any) -> None:
        if not self._waiting:
            return
        self._late = False
        future, _ = self._waiting.popleft()
        if isinstance(answer, exceptions.RedisError):
            if not future.done():
                future.set_exception(answer)
            if isinstance(answer, ELSEWHERE):
                self._end(answer)
        elif not future.done():
            future.set_result(answer)

    def _look(self) -> None:
        """One timer for all: the command that waits longest stands first."""
        self._timer = None
        if not self._waiting:
            return
        deadline = max(self._waiting[0][1], self._heard + self._seconds)
        if deadline > self._loop.time():
            self._timer = self._loop.call_at(deadline, self._look)
        elif not self._late:  # the loop may have stood still, with the answer at the door
            self._late = True
            self._timer = self._loop.call_later(GRACE, self._look)
        else:
            self._end(exceptions.TimeoutError("no answer in time"))
            self._task.cancel()

    def _end(self, error: BaseException) -> None:
        self.over = True
        if not self._ended.done():
            self._ended.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unsent.clear()
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)


@contextlib.contextmanager
def plain_losses() -> Generator[None]:
    """Makes what uvloop says of a write on a lost connection, where asyncio says nothing, the driver's own error."""
    try:
        yield
    except RuntimeError as error:
        if "handler is closed" not in str(error):
            raise
        raise exceptions.ConnectionError("the connection was lost") from error


def _transport(connection: AbstractConnection) -> asyncio.Transport:
    """Where the driver keeps it. Its own way to read an answer costs more than all the rest of a command."""
    writer = connection._writer  # noqa: SLF001
    assert writer is not None
    return cast(asyncio.Transport, writer.transport)


def _error(text: str) -> exceptions.RedisError:
    return ERRORS.get(text.partition(" ")[0], exceptions.ResponseError)(text)
