"""A repository in small, as the installer sees one, and a `docker` that writes down what it is asked."""

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

COMPOSE = """
services:
  gateway: {image: nginx}
  orchestrator-acme: {image: orchestrator}
  orchestrator-globex: {image: orchestrator}
"""
NAME = "upstream ${NAME} { server ${HOST}:${PORT} resolve; } # gRPC ${GRPC_PORT} at ${NAME}.grpc.${PUBLIC_HOST}\n"
DOCKER = """#!/bin/sh
echo "$*" >>"{log}"
case "$*" in
  *"{broken}"*) echo "{said}" >&2; exit {status};;
  *"ps --services"*) printf "gateway\\nkeycloak\\nredis\\n";;
esac
"""


@dataclass(frozen=True)
class Repository:
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".crossdock" / "compose"

    def describe(self, name: str, inside: str = "") -> None:
        (self.root / "k8s" / "customers" / f"{name}.yaml").write_text(f"customer:\n  name: {inside or name}\n")

    def files(self) -> dict[str, tuple[int, str]]:
        """Everything that was made: its rights and its content."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.folder)): (rights(path), path.read_text()) for path in found}

    def docker(
        self, monkeypatch: pytest.MonkeyPatch, broken: str = "nothing", said: str = "it is broken", status: int = 1
    ) -> Path:
        """The log of a stand-in that fails for commands with the words `broken`."""
        program, log = self.root / "bin" / "docker", self.root / "docker.log"
        program.parent.mkdir(exist_ok=True)
        program.write_text(DOCKER.format(log=log, broken=broken, said=said, status=status))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        return log


def repository(root: Path) -> Repository:
    gateway, customers = root / "docker" / "gateway", root / "k8s" / "customers"
    gateway.mkdir(parents=True)
    customers.mkdir(parents=True)
    (root / "docker-compose.yml").write_text(COMPOSE)
    (gateway / "name.conf.template").write_text(NAME)
    (gateway / "name.card.template").write_text("${NAME} ${CARD};\n")
    made = Repository(root)
    for name in ("acme", "globex"):
        made.describe(name)
    return made


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
