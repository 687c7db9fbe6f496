"""Files that demo and local system work on: our own samples, or those of the folder that CROSSDOCK_DATA names."""

import os
from pathlib import Path

from crossdock.errors import ConfigError

OWN = Path(__file__).resolve().parent / "data"
SIGNED = {"globex": 1}


def folder() -> Path:
    return Path(os.environ.get("CROSSDOCK_DATA", OWN))


def contracts(customer: str) -> list[Path]:
    """What a customer signed: as many as `SIGNED` says, else all. Nobody may answer from another's."""
    found = _files("contracts")
    return found[: SIGNED.get(customer, len(found))]


def shipments() -> Path:
    return _files("shipments", ".csv")[0]


def _files(kind: str, suffix: str = "") -> list[Path]:
    found = sorted(path for path in (folder() / kind).glob(f"*{suffix}") if path.is_file())
    if not found:
        raise ConfigError(
            f"There is nothing in {folder() / kind}. Let CROSSDOCK_DATA name a folder with {kind}/ in it."
        )
    return found
