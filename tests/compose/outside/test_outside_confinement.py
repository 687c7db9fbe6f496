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

from tests.support.cases.confinement import *  # noqa: F403
from tests.support.cases.confinement import holding
from tests.support.gateway import docker
from tests.support.stack import Stack

OWN = ("anomaly", "contract", "edge", "escalation", "installer", "orchestrator")
CHUNK = 1 << 20


async def test_containers_have_limits_and_no_more_rights_than_that(system: Stack) -> None:
    for container in await system.project.containers():
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


async def test_only_the_gateway_publishes_ports(system: Stack) -> None:
    for container in await system.project.containers():
        published = [ports for ports in container.found["NetworkSettings"]["Ports"].values() if ports]
        assert bool(published) == (container.service == "gateway"), container.name


async def test_stores_have_no_way_out(system: Stack) -> None:
    networks = json.loads(await docker("network", "inspect", f"{system.project.name}_data"))
    assert networks[0]["Internal"]
    for container in await system.project.containers("redis", "postgres"):
        assert set(container.found["NetworkSettings"]["Networks"]) == {f"{system.project.name}_data"}


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


async def test_no_secret_in_what_the_engine_keeps_of_containers(system: Stack) -> None:
    secrets = system.secrets()
    for container in await system.project.containers():
        assert holding(secrets, json.dumps(container.found)) == [], container.name


async def test_no_secret_in_the_images(system: Stack, tmp_path: Path) -> None:
    """Neither in what they say of themselves nor in any layer, covered by a later one or not."""
    secrets = system.secrets()
    images = [system.image(name) for name in (*OWN, "keycloak")]
    assert holding(secrets, await docker("image", "inspect", *images)) == []
    for image in images:
        assert holding(secrets, await docker("history", "--no-trunc", image)) == [], image
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
