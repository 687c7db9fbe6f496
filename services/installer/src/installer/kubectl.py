"""kubectl as a program: objects go in over stdin, so that no secret stands in an argument."""

import json
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from crossdock.errors import ConfigError

Manifest = dict[str, Any]
MANAGER = "crossdock-installer"
SECONDS = 600
LINES = 3
PAUSE = 1.0


@dataclass(frozen=True)
class Kubectl:
    """Of the cluster of `context`, by default the current one. Raises `ConfigError` with the end of what it says."""

    context: str = ""
    pause: float = PAUSE

    def apply(self, manifests: Iterable[Manifest]) -> None:
        """Server-side, so that no copy of a Secret stands in an annotation."""
        manager = ("--server-side", "--force-conflicts", "--field-manager", MANAGER)
        self._run(("apply", *manager, "--filename", "-"), text(manifests))

    def apply_folder(self, folder: str) -> None:
        """What kustomize makes of it."""
        self._run(("apply", "--kustomize", folder))

    def found(self, kind: str, name: str, namespace: str = "") -> Manifest | None:
        where = ("--namespace", namespace) if namespace else ()
        said = self._run(("get", kind, name, *where, "--ignore-not-found", "--output", "json"))
        return dict(json.loads(said)) if said.strip() else None

    def labelled(self, kind: str, label: str, namespace: str) -> list[Manifest]:
        said = self._run(("get", kind, "--selector", label, "--namespace", namespace, "--output", "json"))
        return list(json.loads(said)["items"])

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Comes back when it is gone."""
        where = ("--namespace", namespace) if namespace else ()
        self._run(("delete", kind, name, *where, "--ignore-not-found", "--wait"))

    def run_job(self, job: Manifest, seconds: float) -> None:
        """In place of an earlier one of its name. Raises `ConfigError` with its last words if it fails."""
        name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
        self.delete("job", name, namespace)
        self.apply([job])
        deadline = time.monotonic() + seconds
        while (ended := _ended(self.found("job", name, namespace))) is None and time.monotonic() < deadline:
            time.sleep(self.pause)
        if not ended:
            words = self._run(("logs", f"job/{name}", "--namespace", namespace, f"--tail={LINES}"))
            how = "did not end in time" if ended is None else "failed"
            raise ConfigError(
                f"The Job {name} {how}: {_end(words)} `kubectl describe job {name} -n {namespace}` says more."
            )

    def _run(self, arguments: Sequence[str], given: str = "") -> str:
        options = ("--context", self.context) if self.context else ()
        said = f"kubectl {arguments[0]}"
        try:
            done = subprocess.run(  # noqa: S603 - our own words, and names that were checked
                ["kubectl", *options, *arguments],  # noqa: S607 - the one on the PATH
                input=given,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(f"Cannot start `kubectl`: {reason}. Install it, of the cluster's version.") from None
        except subprocess.TimeoutExpired:
            raise ConfigError(f"`{said}` did not end within {SECONDS} s. Is the cluster well?") from None
        if done.returncode:
            raise ConfigError(f"`{said}` failed: {_end(done.stderr, 1)} Mend that, then run the command again.")
        return done.stdout


def text(manifests: Iterable[Manifest]) -> str:
    """As a stream of YAML documents."""
    return str(yaml.safe_dump_all(manifests, sort_keys=False, explicit_start=True))


def _ended(job: Manifest | None) -> bool | None:
    """Whether it succeeded; None while it runs."""
    states = {
        state["type"] for state in (job or {}).get("status", {}).get("conditions", []) if state["status"] == "True"
    }
    return True if "Complete" in states else False if "Failed" in states else None


def _end(said: str, lines: int = LINES) -> str:
    return " ".join(said.strip().splitlines()[-lines:]).rstrip(".") + "." if said.strip() else "it does not say why."
