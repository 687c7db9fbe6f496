"""A real PostgreSQL of the test's own: a server on a free port, with a folder that survives restarts."""

import glob
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.support.serving import free_port

UNPRIVILEGED = ("postgres", "nobody")
USER = "crossdock"


def _programs() -> Path:
    """The folder of Debian's server programs, which are not on the PATH, or of those that are. Skips without."""
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(Path(path).parts[4]))
    found = installed[-1] if installed else shutil.which("initdb")
    if not found:
        pytest.skip("no PostgreSQL server program (initdb) is installed")
    return Path(found).resolve().parent


def _account() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    chosen = next((name for name in UNPRIVILEGED if name in known), None)
    if chosen is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other account to run it under")
    return chosen


class PostgresServer:
    """Use `postgres_server()`. Its one user is `USER`, whose password is in `password_file`."""

    def __init__(self, home: Path) -> None:
        self._programs = _programs()
        self._account = _account()
        self._home = home
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.password_file = home / "password"
        if self._account:
            shutil.chown(home, self._account)
        self.password_file.write_text(self.password)
        self.password_file.chmod(0o644)
        access = ("-U", USER, "-A", "scram-sha-256", "--pwfile", str(self.password_file))
        self._run("initdb", *access, "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        options = f"-F -h 127.0.0.1 -p {self.port} -k {self._home}"
        self._run("pg_ctl", "start", "-w", "-t", "60", "-l", str(self._home / "log"), "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """At once, as a crash; `fast` tells the clients."""
        self._run("pg_ctl", "stop", "-m", mode)

    def database(self) -> str:
        """The URL of a new, empty one, without the password."""
        name = f"case_{secrets.token_hex(6)}"
        admin = create_engine(self.url("postgres", self.password), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return self.url(name)

    def url(self, database: str, password: str = "") -> str:
        login = f"{USER}:{password}" if password else USER
        return f"postgresql+psycopg://{login}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._home / "data"), *arguments]
        subprocess.run(command, check=True, user=self._account, cwd=self._home, stdout=subprocess.DEVNULL, timeout=120)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        server = PostgresServer(Path(place))
        server.start()
        try:
            yield server
        finally:
            server.stop()
