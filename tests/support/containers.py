"""Containers of a test's own, on a network of their own: gone with their data when the test ends."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest


def docker(*arguments: str) -> str:
    """What it says. Fails with the remedy where there is no engine."""
    if shutil.which("docker") is None:
        pytest.fail("There is no docker on the PATH. Install Docker with its Compose plugin.", pytrace=False)
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300)
    if done.returncode and ("Cannot connect" in done.stderr or "dial unix" in done.stderr):
        pytest.fail("No container engine answers. Start Docker, then try again.", pytrace=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@dataclass
class Containers:
    network: str
    _started: list[str] = field(default_factory=list)

    def run(self, alias: str, image: str, *command: str, options: tuple[str, ...] = ()) -> str:
        """The id; `alias` is its name on the network."""
        fixed = ("--detach", "--network", self.network, "--network-alias", alias)
        self._started.append(docker("run", *fixed, *options, image, *command))
        return self._started[-1]

    def port(self, container: str, inside: int) -> int:
        """Where it is published on the loopback."""
        return int(docker("port", container, str(inside)).splitlines()[0].rpartition(":")[2])

    def log(self, container: str) -> str:
        return subprocess.run(["docker", "logs", container], capture_output=True, text=True).stdout

    def running(self, container: str) -> bool:
        return docker("inspect", "--format", "{{.State.Running}}", container) == "true"

    def remove(self) -> None:
        if self._started:
            docker("rm", "--force", "--volumes", *self._started)


@contextmanager
def containers() -> Iterator[Containers]:
    network = f"crossdock-test-{secrets.token_hex(4)}"
    docker("network", "create", network)
    started = Containers(network)
    try:
        yield started
    finally:
        started.remove()
        docker("network", "rm", network)


def mounted(source: Path, target: str) -> tuple[str, ...]:
    return ("--mount", f"type=bind,src={source},dst={target},readonly")
