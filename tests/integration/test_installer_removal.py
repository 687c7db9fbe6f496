"""What a removed customer had is gone, from Redis and PostgreSQL, and nothing of others. Keycloak is in little here."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from a2a.types import Task, TaskPushNotificationConfig, TaskState, TaskStatus
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import create_engine, make_url
from sqlalchemy import text as sql
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document
from contract_agent.vocabulary import stems
from crossdock.auth.dev_clients import DevClient
from crossdock.auth.dev_issuer import IssuerSettings, create_issuer_app
from crossdock.errors import ConfigError
from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, IdempotencyKey, TaskFilter, TaskUnknown
from crossdock.tasks.redis_journal import RedisJournal
from installer.acl import cards, users_file
from installer.customer import named
from installer.reconciliation import forget
from installer.settings import Settings
from installer.vault import KEYCLOAK_ADMIN, REDIS_ADMIN, Vault, redis_password
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.redis_server import RedisServer
from tests.support.serving import listen, serve, url_of

ACME, GLOBEX = named("acme"), named("globex")
TERMS = Document("terms.md", "1. Waiting. An hour costs EUR 60.\n2. Law. Dutch law applies.\n")
DATABASE = "contracts"
SHARED = "contract-agent"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path / "secrets")
    made.prepare([ACME, GLOBEX])
    return made


@pytest.fixture
async def redis(tmp_path: Path, vault: Vault) -> AsyncIterator[RedisServer]:
    users, admin = tmp_path / "users.acl", vault.read(REDIS_ADMIN)
    passwords = {card: vault.read(redis_password(card)) for card in cards([ACME, GLOBEX])}
    users.write_text(users_file(passwords, admin))
    started = RedisServer(tmp_path / "redis", "--aclfile", str(users), user=("admin", admin))
    await started.start()
    yield started
    started.stop()


@pytest.fixture
def database(server: PostgresServer, vault: Vault) -> str:
    """As the image makes it at its first start: a role that owns the database of its name."""
    password = vault.read(f"postgres-{DATABASE}")
    statements = [
        f"DROP DATABASE IF EXISTS {DATABASE}",
        f"DROP ROLE IF EXISTS {DATABASE}",
        f"CREATE ROLE {DATABASE} LOGIN PASSWORD '{password}'",
        f"CREATE DATABASE {DATABASE} OWNER {DATABASE}",
    ]
    engine = create_engine(server.url("postgres", server.password), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sql(statement))
    engine.dispose()
    url = make_url(server.url(DATABASE)).set(username=DATABASE, password=password)
    return url.render_as_string(hide_password=False)


@pytest.fixture
async def settings(vault: Vault, redis: RedisServer, server: PostgresServer) -> AsyncIterator[Settings]:
    """With a Keycloak that knows no client but the installer's."""
    async with AsyncExitStack() as stack:
        bound = stack.enter_context(listen())
        url = url_of(bound)
        await stack.enter_async_context(serve(_keycloak(url, vault), bound))
        yield Settings(
            issuer=f"{url}/realms/crossdock",
            keycloak_url=url,
            redis_nodes=redis.nodes,
            redis_acl_save=False,
            postgres=f"127.0.0.1:{server.port}",
            secrets_folder=vault.folder,
            patience=10,
        )


def _keycloak(url: str, vault: Vault) -> Starlette:
    secret = SecretStr(vault.read(KEYCLOAK_ADMIN))
    client = DevClient(client_id="installer", customer="platform", audience=("realm",), secret=secret)
    issuer = create_issuer_app(IssuerSettings(url=f"{url}/realms/crossdock", clients=(client,)))
    clients = Route("/admin/realms/crossdock/clients", lambda _: JSONResponse([]))
    return Starlette(routes=[clients, Mount("/realms/crossdock", issuer)], lifespan=issuer.router.lifespan_context)


@asynccontextmanager
async def journal(redis: RedisServer, vault: Vault, shards: int = 1) -> AsyncIterator[RedisJournal]:
    """As the shared agent has it."""
    address = replace(redis.address, username=SHARED, password=vault.read(redis_password(SHARED)))
    opened = RedisJournal(SHARED, address, shards=shards)
    await opened.open(lambda _: None)
    yield opened
    await opened.close()


async def submitted(tasks: RedisJournal, customer: str, number: int, *, ended: bool = False) -> str:
    task_id = f"{customer}-{number}"
    task = Task(id=task_id, context_id="c", status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now()))
    push = TaskPushNotificationConfig(id="p", url="https://hooks.example/x")
    key = IdempotencyKey(f"key-{number}", "digest")
    accepted = await tasks.create(customer, task, b"{}", 600, worker="w" if ended else "", key=key, push=push)
    if ended and accepted.claim:
        await tasks.append(accepted.claim.lease, [Entry(status_event(task_id, "c", TaskState.TASK_STATE_COMPLETED))])
    return task_id


async def kept(client: Redis, customer: str) -> dict[bytes | str, Any]:
    """All that is stored with the customer's name in it, keys and values."""
    found = {key: await client.dump(key) for key in await client.keys("*")}
    return {key: value for key, value in found.items() if customer in f"{key!r} {value!r}"}


@pytest.mark.parametrize("shards", [1, 3])
async def test_the_tasks_of_a_removed_customer_are_gone(
    shards: int, settings: Settings, redis: RedisServer, vault: Vault, database: str
) -> None:
    async with redis.client() as client, journal(redis, vault, shards) as tasks:
        await submitted(tasks, "acme", 0, ended=True)
        for number in range(1, 130):
            await submitted(tasks, "globex", number, ended=number < 3)
        other = await submitted(tasks, "acme", 1)
        before = await kept(client, "acme")
        said = await forget(settings, [GLOBEX])
        assert f"129 tasks of globex at {SHARED} deleted" in said
        assert await kept(client, "globex") == {}
        assert (await kept(client, "acme")).keys() == before.keys()
        assert (await tasks.get("acme", other)).task.id == other
        await submitted(tasks, "globex", 1)  # the same id and key are free again
        assert not [line for line in await forget(settings, [ACME]) if "globex" in line]
        assert (await tasks.list("globex", TaskFilter(), "", 1)).total == 1


async def test_who_works_on_a_task_of_it_finds_out(
    settings: Settings, redis: RedisServer, vault: Vault, database: str
) -> None:
    async with journal(redis, vault) as tasks:
        task_id = await submitted(tasks, "globex", 1)
        claim = await tasks.claim("w")
        assert claim is not None
        await forget(settings, [GLOBEX])
        assert (await tasks.renew([claim.lease])).lost == {task_id}
        with pytest.raises(TaskUnknown):
            await tasks.append(claim.lease, [Entry(status_event(task_id, "c", TaskState.TASK_STATE_COMPLETED))])
        assert await tasks.claim("w") is None


async def test_the_contracts_of_a_removed_customer_are_gone(settings: Settings, database: str) -> None:
    store = DatabaseContractStore(database)
    store.create_tables()
    for customer in ("acme", "globex"):
        store.add(customer, "terms.md", TERMS)
    said = await forget(settings, [GLOBEX])
    assert [line for line in said if "in contracts deleted" in line]
    assert store.contracts("globex") == []
    assert store.search("globex", stems("waiting"), limit=10) == []
    assert [contract.name for contract in store.contracts("acme")] == ["terms.md"]
    assert len(store.search("acme", stems("waiting"), limit=10)) == 1
    assert not [line for line in await forget(settings, [GLOBEX]) if "in contracts" in line]
    again = store.add("globex", "terms.md", TERMS)
    assert again.version == 1
    store.close()


async def test_an_agent_that_never_ran_keeps_nothing(settings: Settings, database: str) -> None:
    assert not [line for line in await forget(settings, [GLOBEX]) if "deleted" in line]


async def test_a_database_that_is_away_is_told(settings: Settings, database: str) -> None:
    nowhere = settings.model_copy(update={"postgres": "127.0.0.1:1", "patience": 0.5})
    with pytest.raises(ConfigError, match=r"PostgreSQL at 127\.0\.0\.1:1 cannot be reached"):
        await forget(nowhere, [GLOBEX])
