"""The same store over PostgreSQL, on a server of its own: alike, shared by replicas, and away for a while."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sql

from contract_agent.answering import Answering
from contract_agent.app import create_app
from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document, Limits
from contract_agent.settings import Settings
from contract_agent.store import ContractStore
from crossdock.errors import TryLater
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import running
from tests.support.redis_server import RedisServer, running_redis
from tests.support.system import System, reachable_system
from tests.unit.contract.store_cases import CASES, Case

TERMS = Document("terms.md", "1. Waiting. An hour costs EUR 60.\n2. Delay. A day of delay costs 3 % of the freight.\n")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


def opened(server: PostgresServer, url: str) -> DatabaseContractStore:
    return DatabaseContractStore(url, password=server.password, limits=Limits(contracts=5, clauses=3))


@pytest.fixture
def store(server: PostgresServer) -> Iterator[DatabaseContractStore]:
    store = opened(server, server.database())
    store.create_tables()
    store.create_tables()
    yield store
    store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_store(case: Case, store: ContractStore) -> None:
    case(store)


def test_questions_are_answered_alike(store: DatabaseContractStore) -> None:
    embedded = DatabaseContractStore("sqlite://")
    embedded.create_tables()
    for each in (store, embedded):
        each.add("acme", "terms.md", TERMS)
    for question in ("What does an hour of waiting cost?", "Which penalty is due for delay?", "Who pays demurrage?"):
        assert Answering(store, "acme").answer(question) == Answering(embedded, "acme").answer(question)
    embedded.close()


def test_replicas_that_start_at_once_find_an_empty_database(server: PostgresServer) -> None:
    for _ in range(5):
        url = server.database()
        replicas = [opened(server, url) for _ in range(4)]
        with ThreadPoolExecutor(4) as starting:
            list(starting.map(DatabaseContractStore.create_tables, replicas))
        replicas[0].add("acme", "terms.md", TERMS)
        assert [len(replica.contracts("acme")) for replica in replicas] == [1] * 4
        for replica in replicas:
            replica.close()


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_restart_of_the_database_is_a_matter_of_time(
    server: PostgresServer, store: DatabaseContractStore, mode: str
) -> None:
    store.add("acme", "terms.md", TERMS)
    server.stop(mode)
    try:
        for attempt in (lambda: store.contracts("acme"), lambda: store.add("acme", "other.md", TERMS)):
            with pytest.raises(TryLater, match="Try again in a minute"):
                attempt()
    finally:
        server.start()
    assert [contract.name for contract in store.contracts("acme")] == ["terms.md"]
    assert store.add("acme", "terms.md", TERMS).version == 2


def test_a_restart_between_two_calls_goes_unnoticed(server: PostgresServer, store: DatabaseContractStore) -> None:
    store.add("acme", "terms.md", TERMS)
    server.stop()
    server.start()
    assert [contract.name for contract in store.contracts("acme")] == ["terms.md"]


def test_a_connection_that_is_cut_at_work_is_a_matter_of_time(
    server: PostgresServer, store: DatabaseContractStore
) -> None:
    cut = sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
    with pytest.raises(TryLater), store._begin() as connection:
        connection.execute(cut)
    assert store.contracts("acme") == []


def test_a_standby_is_a_matter_of_time(server: PostgresServer, store: DatabaseContractStore) -> None:
    admin = create_engine(server.url("postgres", server.password), isolation_level="AUTOCOMMIT")
    name = store._engine.url.database
    with admin.connect() as connection:
        connection.execute(sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        store._engine.dispose()
        with pytest.raises(TryLater):
            store.add("acme", "terms.md", TERMS)
        connection.execute(sql(f"ALTER DATABASE {name} SET default_transaction_read_only = off"))
        store._engine.dispose()
    admin.dispose()
    assert store.add("acme", "terms.md", TERMS).version == 1


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    skills = ("find_contract", "answer_question", "add_contract")
    async with reachable_system(tmp_path, agents={"contract": skills}) as made:
        yield made


async def asked(http: httpx.AsyncClient, url: str, headers: dict[str, str], *parts: dict[str, Any]) -> Any:
    sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": list(parts)}}
    answer = await http.post(f"{url}/message:send", json=sent, headers=headers)
    return answer.json()["task"]


async def test_two_replicas_share_contracts_and_outlive_the_database(
    crossdock: System, server: PostgresServer, redis: RedisServer
) -> None:
    settings = {
        "database_url": server.database(),
        "database_password_file": server.password_file,
        "redis_nodes": redis.nodes,
        "replicas": 2,
        "grpc": False,
    }
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(running(crossdock, "contract_agent", **settings)) for _ in range(2)]
        first, second = await asyncio.gather(*starting)
        http, headers = crossdock.http(), await crossdock.headers()
        content = base64.b64encode(TERMS.text.encode()).decode()
        file = {"raw": content, "filename": "terms.md", "mediaType": "text/markdown"}
        added = await asked(http, first.url, headers, {"text": "Please add this contract."}, file)
        assert added["status"]["state"] == "TASK_STATE_COMPLETED", added
        question = {"text": "What does an hour of waiting cost?"}
        assert "EUR 60" in str((await asked(http, second.url, headers, question))["artifacts"])
        server.stop()
        try:
            told = await asked(http, second.url, headers, question)
            assert told["status"]["state"] == "TASK_STATE_FAILED"
            assert "Try again in a minute" in str(told["status"]["message"])
            ready = await http.get(f"{second.management}/readyz")
            assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "failing")
        finally:
            server.start()
        assert "EUR 60" in str((await asked(http, second.url, headers, question))["artifacts"])
        assert (await http.get(f"{second.management}/readyz")).status_code == 200
        assert [await first.stop(), await second.stop()] == [0, 0]
    assert server.password not in (await first.log + await second.log).decode()


def test_a_database_that_does_not_answer_at_the_start(server: PostgresServer, tmp_path: Path) -> None:
    settings = Settings.load(issuer="http://issuer.test", database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(TryLater, match="Try again"):
        create_app(settings)
