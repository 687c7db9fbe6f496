"""Redis as the installer leaves it: the file of users at its start, and what changes while it runs."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from installer.acl import cards, users_file
from installer.customer import named
from installer.redis_users import RedisUsers
from tests.support.redis_server import RedisServer

ADMIN = "admin-secret"
PASSWORDS = {card: f"secret of {card}" for card in cards([named("acme"), named("globex")])}
OWN, OTHER = "xd:acme-orchestrator:{acme-orchestrator:0}:t:1", "xd:globex-orchestrator:{globex-orchestrator:0}:t:1"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    users = tmp_path / "users.acl"
    users.write_text(users_file(PASSWORDS, ADMIN))
    started = RedisServer(tmp_path / "redis", "--aclfile", str(users), user=("admin", ADMIN))
    await started.start()
    yield started
    started.stop()


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Redis]:
    async with server.client() as client:
        yield client


def connected(server: RedisServer, user: str, password: str | None = None) -> Redis:
    return Redis(port=server.port, username=user, password=password or PASSWORDS.get(user, ""))


async def test_each_service_gets_in_and_nobody_without_a_password(server: RedisServer) -> None:
    for card in PASSWORDS:
        async with connected(server, card) as client:
            assert await client.ping()
            assert await client.set(f"xd:{card}:key", "value")
    for user, password in [("acme-orchestrator", "wrong"), ("default", ""), ("admin", "wrong"), ("nobody", "")]:
        with pytest.raises((AuthenticationError, RedisError), match=r"WRONGPASS|Authentication|invalid|NOAUTH"):
            async with connected(server, user, password) as client:
                await client.ping()


@pytest.mark.parametrize(
    "command",
    [
        ("GET", OTHER),
        ("SET", OTHER, "x"),
        ("COPY", OWN, OTHER),
        ("EVAL", f"return redis.call('GET', '{OTHER}')", "0"),
        ("PUBLISH", "xd:globex-orchestrator:wake", "w"),
        ("SUBSCRIBE", "xd:globex-orchestrator:wake"),
        ("PSUBSCRIBE", "*"),
        ("SCAN", "0"),
        ("KEYS", "*"),
        ("RANDOMKEY",),
        ("DBSIZE",),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("ACL", "SETUSER", "acme-orchestrator", "~*"),
        ("CLIENT", "LIST"),
        ("MONITOR",),
        ("SCRIPT", "FLUSH"),
        ("FUNCTION", "FLUSH"),
        ("SHUTDOWN",),
        ("INFO",),
        ("PUBSUB", "CHANNELS"),
        ("SWAPDB", "0", "1"),
    ],
    ids=lambda command: "-".join(command[:2])[:24],
)
async def test_what_a_service_may_not(command: Sequence[str], server: RedisServer) -> None:
    async with connected(server, "acme-orchestrator") as client:
        with pytest.raises(RedisError, match=r"permission|can't access|ACL"):
            await client.execute_command(*command)  # type: ignore[no-untyped-call]


async def test_health_may_ask_and_nothing_else(server: RedisServer) -> None:
    async with connected(server, "health", "health") as client:
        assert await client.ping()
        with pytest.raises(NoPermissionError):
            await client.get(OWN)


async def test_a_user_that_is_as_it_should_be_is_left_alone(server: RedisServer, admin: Redis) -> None:
    async with connected(server, "acme-orchestrator") as client, client.pubsub() as subscription:
        await subscription.subscribe("xd:acme-orchestrator:wake")
        assert await RedisUsers(admin).settle("acme-orchestrator", PASSWORDS["acme-orchestrator"]) == []
        assert await subscription.get_message(timeout=1)
        await client.publish("xd:acme-orchestrator:wake", "w")
        message = await subscription.get_message(timeout=5)
    assert message is not None
    assert message["data"] == b"w"


async def test_a_new_user_another_password_and_rights_that_somebody_changed(server: RedisServer, admin: Redis) -> None:
    users = RedisUsers(admin)
    assert await users.settle("initech-orchestrator", "first") == ["Redis user initech-orchestrator"]
    assert await users.settle("initech-orchestrator", "first") == []
    assert await users.settle("initech-orchestrator", "other") == ["Redis user initech-orchestrator"]
    await admin.execute_command("ACL", "SETUSER", "initech-orchestrator", "~*")  # type: ignore[no-untyped-call]
    assert await users.settle("initech-orchestrator", "other") == ["Redis user initech-orchestrator"]
    async with connected(server, "initech-orchestrator", "other") as client:
        with pytest.raises(NoPermissionError):
            await client.get(OWN)


async def test_removing_takes_the_user_its_connections_and_its_keys(server: RedisServer, admin: Redis) -> None:
    async with connected(server, "acme-orchestrator") as client:
        await client.mset({f"xd:acme-orchestrator:{number}": "x" for number in range(1_200)})
        await admin.mset({OTHER: "x", "xd:acme-orchestrator2:1": "x"})
        removed = await RedisUsers(admin).remove("acme-orchestrator")
        assert removed == ["Redis user acme-orchestrator removed", "1200 keys of acme-orchestrator deleted"]
        with pytest.raises(RedisError):
            await client.ping()
    assert await RedisUsers(admin).remove("acme-orchestrator") == []
    assert sorted(await admin.keys("*")) == sorted([OTHER.encode(), b"xd:acme-orchestrator2:1"])


async def test_what_was_written_in_one_step_outlives_a_restart(server: RedisServer) -> None:
    """Redis reads its file back as the default user: without rights it would leave out every transaction and script."""
    keys = [f"{OWN}:{number}" for number in (1, 2)]
    async with connected(server, "acme-orchestrator") as client:
        await client.eval("redis.call('SET', KEYS[1], 1) redis.call('SET', KEYS[2], 1)", 2, *keys)
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.set(OWN, "whole")
            pipeline.rpush(f"{OWN}:log", "event")
            await pipeline.execute()
    server.stop()
    await server.start()
    async with connected(server, "acme-orchestrator") as client:
        assert await client.exists(OWN, f"{OWN}:log", *keys) == 4


async def test_what_was_changed_survives_a_restart_where_redis_keeps_the_file(
    server: RedisServer, admin: Redis
) -> None:
    users = RedisUsers(admin, saving=True)
    await users.settle("initech-orchestrator", "new")
    await users.remove("globex-orchestrator")
    server.kill()
    await server.start()
    async with connected(server, "initech-orchestrator", "new") as client:
        assert await client.ping()
    with pytest.raises(AuthenticationError):
        async with connected(server, "globex-orchestrator") as client:
            await client.ping()
