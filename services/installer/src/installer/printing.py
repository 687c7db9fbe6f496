"""Instead of a cluster: what would be applied goes to stdout. kustomize prints folders; nothing is deleted."""

from collections.abc import Iterable

import typer

from installer.kubectl import Manifest, text


class Printer:
    def apply(self, manifests: Iterable[Manifest]) -> None:
        typer.echo(text(manifests), nl=False)

    def apply_folder(self, folder: str) -> None: ...

    def found(self, kind: str, name: str, namespace: str = "") -> Manifest | None:
        return None

    def delete(self, kind: str, name: str, namespace: str = "") -> None: ...

    def run_job(self, job: Manifest, seconds: float) -> None:
        self.apply([job])
