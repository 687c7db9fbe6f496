"""The journal on other kinds of Redis than one bare server: a cluster, TLS with an ACL user, Sentinel."""

import asyncio
import datetime
import ipaddress
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.asyncio import Redis

from crossdock.errors import ConfigError
from crossdock.tasks.engine import EngineLimits, TaskEngine
from crossdock.tasks.journal import JournalLimits, TaskFilter
from crossdock.tasks.rates import Rate
from crossdock.tasks.redis_connection import RedisAddress
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.executors import Recorder, Scripted, call_context, complete, message
from tests.support.redis_server import RedisServer

SLOTS = 16_384
COMPLETED = 3


async def engine(stack: AsyncExitStack, service: str, address: RedisAddress, shards: int) -> TaskEngine:
    journal = RedisJournal(service, address, JournalLimits(), shards=shards)
    made = TaskEngine(Scripted(complete), journal, Recorder(), EngineLimits())
    await made.start()
    stack.push_async_callback(made.close)
    return made


async def works(address: RedisAddress, *, service: str = "", shards: int = 8, tasks: int = 12) -> None:
    """Two replicas: one accepts, streams and lists what either of them works."""
    async with AsyncExitStack() as stack:
        service = service or f"test-{uuid.uuid4().hex[:8]}"
        one, other = [await engine(stack, service, address, shards) for _ in range(2)]
        tickets = [await one.submit("acme", message("hello"), call_context()) for _ in range(tasks)]
        for ticket in tickets:
            async with asyncio.timeout(20):
                seen = [logged.number async for logged in other.events("acme", ticket.snapshot.task.id, 0)]
            assert seen == [1, 2, 3, 4]
        page = await other._journal.list("acme", TaskFilter(), "", 100)
        assert page.total == tasks
        assert {task.status.state for task in page.tasks} == {COMPLETED}
        waits = [await engine._journal.rates.take("acme", Rate(1, 3)) for engine in (one, other) * 2]
        assert [wait > 0 for wait in waits] == [False, False, False, True]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[RedisAddress]:
    """Three masters that share the slots."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    nodes = [RedisServer(tmp_path / f"node-{number}", *options) for number in range(3)]
    try:
        for node in nodes:
            await node.start()
        await _joined(nodes)
        yield RedisAddress(tuple(("127.0.0.1", node.port) for node in nodes), mode="cluster")
    finally:
        for node in nodes:
            node.stop()


async def _joined(nodes: list[RedisServer]) -> None:
    share = SLOTS // len(nodes) + 1
    for number, node in enumerate(nodes):
        async with node.client() as client:
            last = min((number + 1) * share, SLOTS) - 1
            await _told(client, "ADDSLOTSRANGE", number * share, last)
            for other in nodes:
                await _told(client, "MEET", "127.0.0.1", other.port)
    async with asyncio.timeout(30):
        for node in nodes:
            async with node.client() as client:
                while not await _whole(client, len(nodes)):  # noqa: ASYNC110 - gossip tells nobody
                    await asyncio.sleep(0.05)


async def _told(client: Redis, command: str, *args: object) -> object:
    return await client.execute_command(f"CLUSTER {command}", *args)  # type: ignore[no-untyped-call]


async def _whole(client: Redis, size: int) -> bool:
    text = str(await _told(client, "INFO"))
    return "'cluster_state': 'ok'" in text and f"'cluster_known_nodes': '{size}'" in text


async def test_a_cluster_of_three_nodes(cluster: RedisAddress) -> None:
    await works(cluster, shards=64, tasks=48)  # so many that each node gets some, whatever their ids
    seen = set()
    for _, port in cluster.nodes:
        async with Redis(port=port) as client:
            seen.add(await client.dbsize() > 0)
    assert seen == {True}  # the shards are spread


async def test_tls_with_an_acl_user_that_sees_its_service_only(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    acl = tmp_path / "users.acl"
    acl.write_text(
        "user default off\n"
        "user other on >other-secret ~xd:other-agent:* &xd:other-agent:* +@all -@admin -@dangerous\n"
        "user mine on >my-secret ~xd:my-agent:* &xd:my-agent:* +@all -@admin -@dangerous\n"
    )
    server = RedisServer(
        tmp_path / "redis",
        *("--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
        *("--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no", "--aclfile", str(acl)),
        tls=certificate,
        user=("mine", "my-secret"),
    )
    await server.start()
    try:
        mine = replace(server.address, username="mine", password="my-secret", tls=True, ca_file=certificate)
        await works(mine, service="my-agent")
        with pytest.raises(Exception, match="task store"):
            await works(replace(mine, username="other", password="other-secret"), service="my-agent")
        with pytest.raises(Exception, match="task store"):
            await works(replace(mine, password="wrong"), service="my-agent")
    finally:
        server.stop()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "redis.crt", folder / "redis.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )
    return certificate, private


async def test_sentinel_leads_to_the_new_master(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        master = await _started(stack, RedisServer(tmp_path / "master"))
        copy = await _started(stack, RedisServer(tmp_path / "copy", "--replicaof", "127.0.0.1", str(master.port)))
        watch = tmp_path / "sentinel"
        watch.mkdir()
        sentinel = RedisServer(watch, sentinel=watch / "sentinel.conf")
        (watch / "sentinel.conf").write_text(
            f"port {sentinel.port}\nbind 127.0.0.1\ndir {watch}\n"
            f"sentinel monitor tasks 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds tasks 500\nsentinel failover-timeout tasks 3000\n"
        )
        await _started(stack, sentinel)
        await _replicated(copy)
        address = RedisAddress((("127.0.0.1", sentinel.port),), mode="sentinel", master="tasks", timeout=1.0)
        journal = RedisJournal("watched", address, JournalLimits(), patience=20.0)
        made = TaskEngine(Scripted(complete), journal, Recorder(), EngineLimits())
        await made.start()
        stack.push_async_callback(made.close)
        before = await made.answer(await made.submit("acme", message("before"), call_context()))
        async with copy.client() as client, asyncio.timeout(5):
            while await client.exists(f"xd:watched:{{watched:0}}:t:{before.id}") == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        master.kill()
        async with asyncio.timeout(40):
            after = await made.answer(await made.submit("acme", message("after"), call_context()))
        assert after.status.state == COMPLETED
        assert (await journal.get("acme", before.id)).task.status.state == COMPLETED


async def _started(stack: AsyncExitStack, server: RedisServer) -> RedisServer:
    await server.start()
    stack.callback(server.stop)
    return server


async def _replicated(copy: RedisServer) -> None:
    async with copy.client() as client, asyncio.timeout(20):
        while (await client.info("replication")).get("master_link_status") != "up":  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_another_number_of_shards_refuses_to_start(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await _started(stack, RedisServer(tmp_path / "redis"))
        await works(server.address, service="fixed", shards=2)
        with pytest.raises(ConfigError, match="2 shards"):
            await works(server.address, service="fixed", shards=3)


async def test_a_write_is_confirmed_by_a_replica_or_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with AsyncExitStack() as stack:
        master = await _started(stack, RedisServer(tmp_path / "master"))
        copy = await _started(stack, RedisServer(tmp_path / "copy", "--replicaof", "127.0.0.1", str(master.port)))
        await _replicated(copy)
        journal = RedisJournal("sure", master.address, JournalLimits(), confirm=0.3)
        made = TaskEngine(Scripted(complete), journal, Recorder(), EngineLimits())
        await made.start()
        stack.push_async_callback(made.close)
        task = await made.answer(await made.submit("acme", message("hello"), call_context()))
        async with copy.client() as client:  # no waiting: it was there before the answer
            assert await client.hget(f"xd:sure:{{sure:0}}:t:{task.id}", "state") == b"3"
        assert "write_not_confirmed" not in capsys.readouterr().out
        copy.kill()
        await made.answer(await made.submit("acme", message("hello"), call_context()))
        assert "write_not_confirmed" in capsys.readouterr().out
