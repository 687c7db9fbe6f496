"""A real Redis of the test's own: a process on a free port, with a folder that survives restarts."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError

from crossdock.tasks.redis_connection import RedisAddress
from tests.support.serving import listen

START_SECONDS = 60.0
"""A log of many megabytes takes a while to read."""
PROGRAMS = ("redis-server", "valkey-server")


def redis_program() -> str:
    """Skips with a reason where there is none; with REQUIRE_ALL the run fails instead."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    reason = "no redis-server or valkey-server is installed (on Debian: apt-get install redis-server)"
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


class RedisServer:
    """Appends to a file as Redis does when it is shipped, unless `options` say otherwise.

    With `tls`, the CA's file, it listens by TLS only; `user` is a name and a password; `sentinel` a Sentinel's file.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        tls: Path | None = None,
        user: tuple[str, str] | None = None,
        sentinel: Path | None = None,
    ) -> None:
        self._program = redis_program()
        self._folder = folder
        self._options = options
        self._tls = tls
        self._user = user
        self._sentinel = sentinel
        with listen() as bound:
            self.port: int = bound.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def nowhere() -> RedisAddress:
        """An address at which nothing answers."""
        return RedisAddress((("127.0.0.1", 1),), timeout=0.1)

    @property
    def address(self) -> RedisAddress:
        return RedisAddress((("127.0.0.1", self.port),), timeout=1.0)

    @property
    def nodes(self) -> str:
        """As in CROSSDOCK_REDIS_NODES."""
        return f"127.0.0.1:{self.port}"

    def client(self) -> Redis:
        name, password = self._user or (None, None)
        tls = {"ssl": True, "ssl_ca_certs": str(self._tls)} if self._tls else {}
        options = {"username": name, "password": password, "retry": Retry(NoBackoff(), 0), **tls}
        return Redis(host="127.0.0.1", port=self.port, **options)  # type: ignore[arg-type] # its options are of many types

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = self._spawned(self._command())
        async with asyncio.timeout(START_SECONDS), self.client() as client:
            while not await self._answers(client):
                if self._process.poll() is not None:
                    raise RuntimeError(self._log.read_text())
                await asyncio.sleep(0.02)

    def _command(self) -> list[str]:
        if self._sentinel:
            return [self._program, str(self._sentinel), "--sentinel"]
        command = [self._program, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir"]
        command += [str(self._folder), "--daemonize", "no", *self._options]
        return command + (["--port", "0", "--tls-port"] if self._tls else ["--port"]) + [str(self.port)]

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _spawned(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    async def _answers(self, client: Redis) -> bool:
        try:
            return bool(await client.ping())
        except AuthenticationError:
            raise
        except (RedisError, OSError):
            return False

    def flush(self) -> None:
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def kill(self) -> None:
        """At once, as a crash does."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(10)
        self._process = None


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    asyncio.run(server.start())
    try:
        yield server
    finally:
        server.stop()
