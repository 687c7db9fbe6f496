"""A repository in small, as the installer sees one; a `docker` and a `kubectl` that write down what they are asked."""

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from installer.kubectl import Manifest
from installer.manifests import contents
from tests.support import kubectl_program

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
  *"ps --services"*) printf "gateway\\nkeycloak\\npostgres\\nredis\\n";;
esac
"""


@dataclass(frozen=True)
class Repository:
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".crossdock" / "compose"

    def describe(self, name: str, inside: str = "") -> None:
        (self.root / "k8s" / "customers" / f"{name}.yaml").write_text(
            f"customer:\n  name: {inside or name}\n  agents: [{{id: anomaly}}]\n"
        )

    def files(self) -> dict[str, tuple[int, str]]:
        """Everything that was made: its rights and its content."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.folder)): (rights(path), path.read_text()) for path in found}

    def cluster(self, monkeypatch: pytest.MonkeyPatch) -> "ClusterLog":
        """What stands in for a cluster from now on."""
        program, folder = self.root / "bin" / "kubectl", self.root / "cluster"
        folder.mkdir()
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {kubectl_program.__file__} {folder} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        return ClusterLog(folder)

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


@dataclass(frozen=True)
class ClusterLog:
    """`kubectl_program`'s folder."""

    folder: Path

    def calls(self) -> list[list[str]]:
        return [json.loads(line)["arguments"] for line in self._lines()]

    def given(self) -> list[Manifest]:
        """All that was applied, in its order."""
        streams = [json.loads(line)["given"] for line in self._lines()]
        return [document for stream in streams for document in yaml.safe_load_all(stream)]

    def files(self, namespace: str, name: str) -> dict[str, str]:
        """Those of a Secret as it stands."""
        return contents(json.loads((self.folder / "objects" / namespace / "secret" / f"{name}.json").read_text()))

    def objects(self, kind: str) -> set[str]:
        """namespace/name of those that stand."""
        return {f"{path.parts[-3]}/{path.stem}" for path in self.folder.glob(f"objects/*/{kind}/*.json")}

    def forget_calls(self) -> None:
        (self.folder / "kubectl.log").unlink()

    def _lines(self) -> list[str]:
        log = self.folder / "kubectl.log"
        return log.read_text().splitlines() if log.exists() else []


def repository(root: Path) -> Repository:
    gateway, customers = root / "docker" / "gateway", root / "k8s" / "customers"
    gateway.mkdir(parents=True)
    customers.mkdir(parents=True)
    namespaces = root / "k8s" / "base" / "namespaces"
    namespaces.mkdir(parents=True)
    (namespaces / "kustomization.yaml").write_text("labels: [{pairs: {strict: very}}]\n")
    (root / "docker-compose.yml").write_text(COMPOSE)
    (gateway / "name.conf.template").write_text(NAME)
    (gateway / "name.card.template").write_text("${NAME} ${CARD};\n")
    made = Repository(root)
    for name in ("acme", "globex"):
        made.describe(name)
    return made


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
