"""A `kubectl` of our own: it keeps objects in a folder, and writes down what it is asked and what comes over stdin.

As an API server it counts versions, refuses a write over another version than the one that it names, and lets Jobs end
at once: well, unless there is a file `broken`, which then holds their logs. Pods that are applied run, on the node that
they name; what is executed in one says what is in the file `said`.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

KINDS = {kind: kind.lower() for kind in ("Secret", "Namespace", "NetworkPolicy", "Job", "Pod", "ServiceAccount")}
RUNNING = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "restartCount": 0, "ready": True}


class Store:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._broken = folder.parent / "broken"

    def apply(self, document: dict[str, Any]) -> None:
        metadata, kind = document["metadata"], KINDS[document["kind"]]
        kept = self.get(kind, metadata["name"], metadata.get("namespace", ""))
        before = kept["metadata"]["resourceVersion"] if kept else "0"
        if metadata.get("resourceVersion", before) != before:
            sys.exit("error: Apply failed with 1 conflict: the object has been modified")
        metadata["resourceVersion"] = str(int(before) + 1)
        if kind == "job":
            ended = "Failed" if self._broken.exists() else "Complete"
            document["status"] = {"conditions": [{"type": ended, "status": "True"}]}
        if kind == "pod":
            document["spec"] = {"restartPolicy": "Always", "nodeName": "node", **document["spec"]}
            document["status"] = {"containerStatuses": [RUNNING]}
        path = self._path(kind, metadata["name"], metadata.get("namespace", ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        path = self._path(kind, name, namespace)
        return dict(json.loads(path.read_text())) if path.exists() else None

    def labelled(self, kind: str, label: str, namespace: str) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in sorted(self._path(kind, "", namespace).parent.glob("*.json"))]
        return [each for each in found if selected(label, each["metadata"].get("labels", {}))]

    def delete(self, kind: str, name: str, namespace: str) -> None:
        self._path(kind, name, namespace).unlink(missing_ok=True)
        if kind == "namespace":
            for path in self._folder.glob(f"{name}/*/*.json"):
                path.unlink()

    def has(self, kind: str, name: str, namespace: str) -> None:
        if not self._path(kind, name, namespace).exists():
            sys.exit(f'Error from server (NotFound): {kind}s "{name}" not found')

    def logs(self) -> str:
        return self._broken.read_text()

    def said(self) -> str:
        path = self._folder.parent / "said"
        return path.read_text() if path.exists() else ""

    def _path(self, kind: str, name: str, namespace: str) -> Path:
        return self._folder / (namespace or "-") / kind / f"{name}.json"


def selected(selector: str, labels: dict[str, str]) -> bool:
    """Whether all of its words hold, `key` and `key=value`."""
    wanted = [each.partition("=") for each in selector.split(",") if each]
    return all(key in labels and (not equal or labels[key] == value) for key, equal, value in wanted)


def main(folder: Path, arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    for option in (
        "--namespace",
        "--selector",
        "--filename",
        "--kustomize",
        "--output",
        "--field-manager",
        "--context",
        "--for",
        "--timeout",
    ):
        parser.add_argument(option, default="")
    parser.add_argument("--tail")
    for flag in ("--server-side", "--force-conflicts", "--ignore-not-found", "--wait"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    given = sys.stdin.read() if asked.filename == "-" else ""
    with (folder / "kubectl.log").open("a") as log:
        log.write(json.dumps({"arguments": arguments, "given": given}) + "\n")
    answer(Store(folder / "objects"), asked, given)


def answer(store: Store, asked: argparse.Namespace, given: str) -> None:
    match asked.words:
        case ["apply"] if not asked.kustomize:
            for document in yaml.safe_load_all(given):
                store.apply(document)
        case ["get", kind]:
            found = store.labelled(kind.removesuffix("s"), asked.selector, asked.namespace)
            names = [f"{kind}/{each['metadata']['name']}" for each in found]
            print("\n".join(names) if asked.output == "name" else json.dumps({"items": found}))
        case ["get", kind, name]:
            if kept := store.get(kind, name, asked.namespace):
                print(json.dumps(kept))
        case ["delete", kind, name]:
            store.delete(kind, name, asked.namespace)
        case ["logs", _]:
            print(store.logs())
        case ["wait", name]:
            store.has("pod", name.removeprefix("pod/"), asked.namespace)
        case ["exec", name]:
            store.has("pod", name, asked.namespace)
            print(store.said())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
