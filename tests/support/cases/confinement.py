"""What the containers may do, and where no secret may stand."""

import re
from typing import Any

import httpx

from tests.support.operated import Operated

PROBE = "id -u; grep -E 'CapEff|NoNewPrivs' /proc/1/status; touch /written 2>/dev/null && echo wrote; exit 0"
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}")


async def test_containers_run_as_nobody_in_particular_with_a_read_only_root(system: Operated[Any]) -> None:
    for replica in await system.replicas():
        said = (await system.execute(replica, "sh", "-c", PROBE)).split()
        user, _, capabilities, _, confined, *wrote = said
        assert int(user) != 0, replica.name
        assert (int(capabilities, 16), confined, wrote) == (0, "1", []), (replica.name, said)


async def test_the_store_evicts_nothing_and_writes_all_down(system: Operated[Any]) -> None:
    (redis,) = await system.replicas("redis")
    said = (await system.execute(redis, "cat", "/etc/valkey/valkey.conf")).splitlines()
    assert {"maxmemory-policy noeviction", "appendonly yes"} <= set(said)


async def test_keycloak_is_alone_and_listens_for_no_cluster(system: Operated[Any]) -> None:
    """JGroups would look for others, and open a port for them (7800, in hexadecimal)."""
    (keycloak,) = await system.replicas("keycloak")
    said = (await system.logs(keycloak)).lower()
    assert "infinispan" in said
    assert "jgroups" not in said
    assert "cluster view" not in said
    tables = "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6"
    sockets = await system.execute(keycloak, "sh", "-c", tables)
    listening = {
        int(line.split()[1].rpartition(":")[2], 16) for line in sockets.splitlines() if line.split()[3] in {"0A", "07"}
    }
    assert listening >= {8080, 9000}
    assert not {7800, 57800, 46655} & listening


def holding(secrets: list[str], text: str) -> list[str]:
    """The first characters of those that are in it: a failed test must not tell them."""
    return [secret[:4] + "..." for secret in secrets if secret in text]


async def test_no_secret_in_the_containers_environment(system: Operated[Any]) -> None:
    """Of the first process, as it is now; the stores write over theirs."""
    secrets = system.secrets()
    assert len(secrets) > 12
    told = 0
    for replica in await system.replicas():
        said = await system.execute(replica, "sh", "-c", "tr '\\0' '\\n' </proc/1/environ")
        assert holding(secrets, said) == [], replica.name
        told += "PATH=" in said
    assert told > 8


async def test_no_secret_and_no_token_in_the_logs(system: Operated[Any]) -> None:
    secrets, headers = system.secrets(), await system.headers("acme-caller")
    token = headers["Authorization"][7:]
    answer = await system.http().get(f"{system.path('acme')}/tasks?access_token={token}", headers=headers)
    assert answer.status_code in {httpx.codes.OK, httpx.codes.BAD_REQUEST}
    for replica in await system.replicas():
        said = await system.logs(replica)
        assert holding(secrets, said) == [], replica.name
        assert not TOKEN.search(said), replica.name
