"""What the containers may do, what can be reached of them, and where no secret may stand."""

import asyncio
import contextlib
import gzip
import io
import json
import os
import re
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.support.gateway import docker
from tests.support.project import Container
from tests.support.stack import Stack

OWN = ("anomaly", "contract", "edge", "escalation", "installer", "orchestrator")
PROBE = "id -u; grep -E 'CapEff|NoNewPrivs' /proc/1/status; touch /written 2>/dev/null && echo wrote; exit 0"
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}")
COMPOSED = {"realm.json", "users.acl", "keycloak.conf"}
"""Files that are made of other secrets, and of what is none."""
SHORTEST = 20
CHUNK = 1 << 20


async def test_containers_run_as_nobody_in_particular_with_a_read_only_root(system: Stack) -> None:
    for container in await system.project.containers():
        said = (await docker("exec", container.name, "sh", "-c", PROBE)).split()
        user, _, capabilities, _, confined, *wrote = said
        assert int(user) != 0, container.name
        assert (int(capabilities, 16), confined, wrote) == (0, "1", []), (container.name, said)
        host = container.found["HostConfig"]
        assert (host["ReadonlyRootfs"], host["Privileged"], host["CapAdd"] or []) == (True, False, []), container.name
        assert host["Memory"] > 0, container.name
        assert host["PidsLimit"] > 0, container.name
        assert "docker.sock" not in json.dumps(host["Binds"] or []), container.name


async def test_images_say_what_they_are_and_programs_get_signals_themselves(system: Stack) -> None:
    for container in await system.project.containers(
        *(name for name in OWN if name not in ("installer", "orchestrator"))
    ):
        (image,) = json.loads(await docker("image", "inspect", container.found["Image"]))
        labels, config = image["Config"]["Labels"], image["Config"]
        assert labels["org.opencontainers.image.title"] == f"crossdock-{container.service}"
        assert labels["org.opencontainers.image.version"] == version("crossdock")
        assert re.fullmatch(r"[0-9a-f]{12,40}(-dirty)?", labels["org.opencontainers.image.revision"]), container.name
        assert "PYTHONDONTWRITEBYTECODE=1" in config["Env"]
        assert config["Entrypoint"] == ["service"]
        first = await docker("exec", container.name, "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline")
        assert "python" in first.split()[0], (container.name, first)


async def test_the_store_evicts_nothing_and_writes_all_down(system: Stack) -> None:
    (redis,) = await system.project.containers("redis")
    said = (await docker("exec", redis.name, "cat", "/etc/valkey/valkey.conf")).splitlines()
    assert {"maxmemory-policy noeviction", "appendonly yes"} <= set(said)


async def test_only_the_gateway_publishes_ports(system: Stack) -> None:
    for container in await system.project.containers():
        published = [ports for ports in container.found["NetworkSettings"]["Ports"].values() if ports]
        assert bool(published) == (container.service == "gateway"), container.name


async def test_stores_have_no_way_out(system: Stack) -> None:
    networks = json.loads(await docker("network", "inspect", f"{system.project.name}_data"))
    assert networks[0]["Internal"]
    for container in await system.project.containers("redis", "postgres"):
        assert set(container.found["NetworkSettings"]["Networks"]) == {f"{system.project.name}_data"}


async def test_nothing_else_of_keycloak_can_be_reached(system: Stack) -> None:
    http, headers = system.http(), await system.headers("installer")
    for path in (
        *("/admin/realms/crossdock/clients", "/admin/master/console/", "/realms/master/protocol/openid-connect/token"),
        *("/realms/crossdock/account", "/realms/crossdock/clients-registrations/default", "/health/ready", "/metrics"),
        *("/realms/crossdock/protocol/openid-connect/token/introspect", "/resources/x.js", "/js/keycloak.js", "/"),
        *("/realms/crossdock/protocol/openid-connect/auth", "/realms/crossdock/protocol/openid-connect/userinfo"),
    ):
        answer = await http.get(path, headers=headers)
        assert (answer.status_code, answer.headers.get("Server")) == (httpx.codes.NOT_FOUND, "nginx"), path
    discovery = (await http.get("/realms/crossdock/.well-known/openid-configuration")).json()
    assert discovery["issuer"] == system.place.origin.issuer
    assert (await http.get(discovery["jwks_uri"])).json()["keys"]


async def test_keycloak_is_alone_and_listens_for_no_cluster(system: Stack) -> None:
    """JGroups would look for others, and open a port for them (7800, in hexadecimal)."""
    (keycloak,) = await system.project.containers("keycloak")
    said = (await docker("logs", keycloak.name)).lower()
    assert "infinispan" in said
    assert "jgroups" not in said
    assert "cluster view" not in said
    sockets = await docker(
        "exec", keycloak.name, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6"
    )
    listening = {
        int(line.split()[1].rpartition(":")[2], 16) for line in sockets.splitlines() if line.split()[3] in {"0A", "07"}
    }
    assert listening >= {8080, 9000}
    assert not {7800, 57800, 46655} & listening


async def test_internal_headers_get_neither_in_nor_out(system: Stack) -> None:
    http, headers = system.http(), await system.headers("globex-caller")
    forged = {
        "X-Auth-Customer": "acme",
        "X-Crossdock-Card": "acme-orchestrator",
        "crossdock-hops": "99",
        "Host": "evil.test",
    }
    answer = await http.get(f"{system.path('orchestrator')}/extendedAgentCard", headers={**headers, **forged})
    assert (answer.status_code, answer.json()["name"]) == (httpx.codes.OK, "globex-orchestrator")
    assert "evil.test" not in answer.text
    inner = {
        "via",
        "x-powered-by",
        "x-auth-customer",
        "x-auth-error",
        "x-auth-message",
        "x-crossdock-card",
        "crossdock-hops",
    }
    assert not inner & {name.lower() for name in answer.headers}
    assert answer.headers["Server"] == "nginx"


TOOLS = """
import os
programs = {"gcc", "cc", "g++", "c++", "clang", "tcc", "as", "ld", "make", "cmake", "rustc", "go", "perl"}
programs |= {"apt", "apt-get", "dpkg", "dpkg-deb", "rpm", "dnf", "apk", "pip", "pip3", "uv", "conda", "npm"}
packages = {"pip", "setuptools", "wheel", "ensurepip"}
for folder, folders, files in os.walk("/"):
    folders[:] = [each for each in folders if os.path.join(folder, each) not in ("/proc", "/sys")]
    for name in (programs & {*files}) | (packages & {*folders}):
        print(os.path.join(folder, name))
"""
"""Prints the compilers, linkers and package managers of a file system, programs and Python's own."""


async def tools(image: str, python: str) -> list[str]:
    return (await docker("run", "--rm", "--network=none", f"--entrypoint={python}", image, "-c", TOOLS)).split()


async def test_no_compiler_and_no_package_manager_is_in_an_image(system: Stack) -> None:
    """The image that they are made of has some: the search finds them there."""
    for service in OWN:
        assert await tools(system.image(service), "/app/bin/python") == [], service
    base = {path.rpartition("/")[2] for path in await tools("python:3.13-slim", "python3")}
    assert base >= {"pip", "apt-get", "dpkg"}


@pytest.fixture
def secrets(system: Stack) -> list[str]:
    """Every value that was generated for this place: of a key each of its lines."""
    folder = system.place.folder
    files = [path for path in (folder / "secrets").iterdir() if path.name not in COMPOSED]
    files += [folder / "tls" / "gateway.key", folder / "ca" / "ca.key"]
    lines = {line.strip() for path in files for line in path.read_text().splitlines() if not line.startswith("-----")}
    found = sorted(line for line in lines if len(line) >= SHORTEST)
    assert len(found) > 2 * len(OWN)
    return found


def holding(secrets: list[str], text: bytes) -> list[str]:
    """The first characters of those that are in it: a failed test must not tell them."""
    return [secret[:4] + "..." for secret in secrets if secret.encode() in text]


async def test_no_secret_in_the_containers_or_their_environment(system: Stack, secrets: list[str]) -> None:
    for container in await system.project.containers():
        assert holding(secrets, json.dumps(container.found).encode()) == [], container.name
        assert holding(secrets, await _environment(container)) == [], container.name


async def _environment(container: Container) -> bytes:
    """Of the first process, as it is now."""
    return (await docker("exec", container.name, "sh", "-c", "tr '\\0' '\\n' </proc/1/environ")).encode()


async def test_no_secret_and_no_token_in_the_logs(system: Stack, secrets: list[str]) -> None:
    headers = await system.headers("acme-caller")
    answer = await system.http().get(
        f"{system.path('acme')}/tasks?access_token={headers['Authorization'][7:]}", headers=headers
    )
    assert answer.status_code == httpx.codes.BAD_REQUEST
    for container in await system.project.containers():
        said = (await docker("logs", container.name)).encode()
        assert holding(secrets, said) == [], container.name
        assert not TOKEN.search(said), container.name


async def test_no_secret_in_the_images(system: Stack, secrets: list[str], tmp_path: Path) -> None:
    """Neither in what they say of themselves nor in any layer, covered by a later one or not."""
    images = [system.image(name) for name in (*OWN, "keycloak")]
    assert holding(secrets, (await docker("image", "inspect", *images)).encode()) == []
    for image in images:
        assert holding(secrets, (await docker("history", "--no-trunc", image)).encode()) == [], image
    patterns = tmp_path / "secrets"
    patterns.write_text("\n".join(secrets))
    assert await asyncio.to_thread(lambda: list(leaking(images, patterns))) == []


def leaking(images: list[str], patterns: Path) -> Iterator[str]:
    """Those of the layers, each looked at once, in which one of the patterns stands."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
        assert saving.stdout
        with tarfile.open(fileobj=saving.stdout, mode="r|") as whole:
            for member in whole:
                layer = whole.extractfile(member) if member.isfile() else None
                if layer and greps(patterns, layer):
                    yield member.name
    assert saving.returncode == 0


def greps(patterns: Path, layer: IO[bytes]) -> bool:
    command, plain = ["grep", "--text", "--fixed-strings", "--quiet", f"--file={patterns}"], {"LC_ALL": "C"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **plain}) as grep:
        assert grep.stdin
        with contextlib.suppress(BrokenPipeError):  # it has seen enough
            for chunk in unpacked(layer):
                grep.stdin.write(chunk)
            grep.stdin.close()
    return grep.returncode == 0


def unpacked(layer: IO[bytes]) -> Iterator[bytes]:
    chunk = layer.read(CHUNK)
    inflate = zlib.decompressobj(wbits=31).decompress if chunk.startswith(b"\x1f\x8b") else bytes
    while chunk:
        yield inflate(chunk)
        chunk = layer.read(CHUNK)


def test_the_scan_finds_what_it_looks_for(tmp_path: Path) -> None:
    patterns = tmp_path / "secrets"
    patterns.write_text("another-secret-of-ours\nthis-one-is-in-there")
    layer = b"x" * CHUNK + b" this-one-is-in-there " + b"\0" * CHUNK
    for content in (layer, gzip.compress(layer)):
        assert greps(patterns, io.BytesIO(content))
    for content in (layer.replace(b"-one-", b"-two-"), gzip.compress(b"nothing")):
        assert not greps(patterns, io.BytesIO(content))
