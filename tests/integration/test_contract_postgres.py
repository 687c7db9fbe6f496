"""The same store over PostgreSQL, on a server of its own."""

import glob
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from contract_agent.answering import Answering
from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document, Limits
from contract_agent.store import ContractStore
from tests.unit.contract.store_cases import CASES, Case

UNPRIVILEGED = ("postgres", "nobody")


def programs() -> Path | None:
    """The folder of Debian's server programs, which are not on the PATH, or of those that are."""
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(Path(path).parts[4]))
    found = installed[-1] if installed else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def account() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in UNPRIVILEGED if name in known), None)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL server program (initdb) is installed")
    user = account()
    if os.getuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other account to run it under")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        if user is not None:
            shutil.chown(place, user)
        home, password, port = Path(place), secrets.token_hex(16), free_port()
        (home / "password").write_text(password)
        (home / "password").chmod(0o644)
        data = home / "data"

        def run(program: str, *arguments: str) -> None:
            command = [str(folder / program), "-D", str(data), *arguments]
            subprocess.run(command, check=True, user=user, cwd=home, stdout=subprocess.DEVNULL, timeout=120)

        run(
            "initdb",
            "-U",
            "crossdock",
            "-A",
            "scram-sha-256",
            "--pwfile",
            str(home / "password"),
            "-E",
            "UTF8",
            "--no-sync",
        )
        options = f"-F -h 127.0.0.1 -p {port} -k {home}"
        run("pg_ctl", "start", "-w", "-t", "60", "-l", str(home / "log"), "-o", options)
        try:
            yield f"postgresql+psycopg://crossdock:{password}@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture
def store(server: str) -> Iterator[DatabaseContractStore]:
    name = f"case_{secrets.token_hex(6)}"
    admin = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    store = DatabaseContractStore(f"{server}/{name}", limits=Limits(contracts=5, clauses=3))
    store.create_tables()
    store.create_tables()
    yield store
    store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_store(case: Case, store: ContractStore) -> None:
    case(store)


def test_questions_are_answered_alike(store: DatabaseContractStore) -> None:
    document = Document(
        "terms.md", "1. Waiting. An hour costs EUR 60.\n2. Delay. A day of delay costs 3 % of the freight.\n"
    )
    embedded = DatabaseContractStore("sqlite://")
    embedded.create_tables()
    for each in (store, embedded):
        each.add("acme", "terms.md", document)
    for question in ("What does an hour of waiting cost?", "Which penalty is due for delay?", "Who pays demurrage?"):
        assert Answering(store, "acme").answer(question) == Answering(embedded, "acme").answer(question)
    embedded.close()
