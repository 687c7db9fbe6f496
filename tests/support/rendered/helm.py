"""Helm's renderings."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.rendered.documents import Document, Refused, documents

ROOT = Path(__file__).parents[3]
KUBERNETES = "1.34.0"
"""The version that charts are told; of those that they support the oldest that knows every field."""


def program() -> str:
    """The one that `make` builds, where there is no other."""
    own = ROOT / ".tools" / "helm"
    return os.environ.get("HELM") or (str(own) if own.exists() else "helm")


@dataclass(frozen=True)
class Release:
    """`values` are files, `settings` the values that a command line would set with `--set`."""

    name: str
    chart: str
    namespace: str
    values: Sequence[Path] = ()
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """Helm's usual one: of the Deployment, the Service, the Secret."""
        return self.name if self.chart in self.name else f"{self.name}-{self.chart}"

    def changed(self, *values: Path, **settings: str) -> "Release":
        return Release(self.name, self.chart, self.namespace, (*self.values, *values), {**self.settings, **settings})

    def arguments(self) -> list[str]:
        files = [word for path in self.values for word in ("--values", str(path))]
        settings = [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")]
        return [self.name, str(ROOT / "charts" / self.chart), "--namespace", self.namespace, *files, *settings]


async def rendered(release: Release) -> list[Document]:
    """Raises `Refused` with what Helm says."""
    process = await asyncio.create_subprocess_exec(
        *(program(), "template", *release.arguments(), "--kube-version", KUBERNETES),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        raise Refused(err.decode())
    return documents(out.decode(), release.namespace)
