"""A `kubectl` of our own: it keeps objects in a folder, and writes down what it is asked and what comes over stdin.

As an API server it counts versions, refuses a write over another version than the one that it names, and lets Jobs end
at once: well, unless there is a file `broken`, which then holds their logs.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

KINDS = {"Secret": "secret", "Namespace": "namespace", "Job": "job"}


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
        path = self._path(kind, metadata["name"], metadata.get("namespace", ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        path = self._path(kind, name, namespace)
        return dict(json.loads(path.read_text())) if path.exists() else None

    def labelled(self, kind: str, label: str, namespace: str) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in sorted(self._path(kind, "", namespace).parent.glob("*.json"))]
        return [each for each in found if label in each["metadata"]["labels"]]

    def delete(self, kind: str, name: str, namespace: str) -> None:
        self._path(kind, name, namespace).unlink(missing_ok=True)
        if kind == "namespace":
            for path in self._folder.glob(f"{name}/*/*.json"):
                path.unlink()

    def logs(self) -> str:
        return self._broken.read_text()

    def _path(self, kind: str, name: str, namespace: str) -> Path:
        return self._folder / (namespace or "-") / kind / f"{name}.json"


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
    ):
        parser.add_argument(option, default="")
    parser.add_argument("--tail")
    for flag in ("--server-side", "--force-conflicts", "--ignore-not-found", "--wait"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args(arguments)
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
            print(json.dumps({"items": store.labelled(kind, asked.selector, asked.namespace)}))
        case ["get", kind, name]:
            if found := store.get(kind, name, asked.namespace):
                print(json.dumps(found))
        case ["delete", kind, name]:
            store.delete(kind, name, asked.namespace)
        case ["logs", _]:
            print(store.logs())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
