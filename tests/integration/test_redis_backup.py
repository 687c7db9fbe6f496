"""`k8s/redis.sh` over a kubectl that is at home here: what it runs in a pod runs against a Redis of the test's own."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from installer.acl import users_file
from tests.support.redis_server import RedisServer

SCRIPT = Path(__file__).parents[2] / "k8s" / "redis.sh"
PASSWORD = "the administrator's"
KUBECTL = """#!{python}
import json, subprocess, sys
words = sys.argv[1:]
with open("{log}", "a") as log:
    log.write(json.dumps(words) + "\\n")
if "get" in words:
    print("{password}")
if "exec" in words:
    inside = words[words.index("--") + 1:]
    inside[-1] = inside[-1].replace("/data", "{folder}").replace("valkey-cli", "{cli} -p {port}")
    sys.exit(subprocess.call(inside))
"""


@pytest.fixture
def server(tmp_path: Path) -> RedisServer:
    users = tmp_path / "users.acl"
    users.write_text(users_file({}, PASSWORD))
    return RedisServer(tmp_path / "data", "--aclfile", str(users), user=("admin", PASSWORD))


async def ran(tmp_path: Path, server: RedisServer, *words: str) -> tuple[int, list[list[str]]]:
    """Its exit status, and what kubectl was asked."""
    log, program = tmp_path / "kubectl.log", tmp_path / "bin" / "kubectl"
    log.unlink(missing_ok=True)
    program.parent.mkdir(exist_ok=True)
    cli = shutil.which("redis-cli") or shutil.which("valkey-cli")
    values = {"log": log, "password": PASSWORD, "folder": tmp_path / "data", "cli": cli, "port": server.port}
    program.write_text(KUBECTL.format(python=sys.executable, **values))
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "KUBE_CONTEXT": "ours"}
    done = await asyncio.create_subprocess_exec(str(SCRIPT), *words, env=environment)
    status = await asyncio.wait_for(done.wait(), 60)
    return status, [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


async def test_what_was_backed_up_comes_back(server: RedisServer, tmp_path: Path) -> None:
    await server.start()
    try:
        async with server.client() as client:
            await client.hset("xd:a:{a:0}:t:1", mapping={"state": "working"})
            await client.xadd("xd:a:{a:0}:e:1", {"number": "1"})
        backup = tmp_path / "tasks.rdb"
        status, asked = await ran(tmp_path, server, "backup", str(backup))
        assert status == 0
        assert backup.stat().st_mode & 0o077 == 0
        assert not (tmp_path / "data" / "backup.rdb").exists()
        assert all(words[:2] == ["--context", "ours"] and PASSWORD not in " ".join(words) for words in asked)
        async with server.client() as client:
            await client.delete("xd:a:{a:0}:t:1")
            await client.set("xd:a:{a:0}:t:2", "made later")
        server.stop()
        status, asked = await ran(tmp_path, server, "restore", str(backup))
        assert status == 0
        scaled = [words[-1] for words in asked if "scale" in words]
        assert scaled == ["0", "1"]
        for _ in range(2):  # and it is kept
            await server.start()
            async with server.client() as client:
                assert await client.hgetall("xd:a:{a:0}:t:1") == {b"state": b"working"}
                assert await client.xlen("xd:a:{a:0}:e:1") == 1
                assert not await client.exists("xd:a:{a:0}:t:2")
            server.kill()
        assert (tmp_path / "data" / "appendonlydir.before").is_dir()
    finally:
        server.stop()


async def test_what_is_no_backup_stops_nothing(server: RedisServer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not one")
    status, asked = await ran(tmp_path, server, "restore", str(other))
    assert (status, asked) == (2, [])
