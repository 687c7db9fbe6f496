"""Files that demo and local system work on: our own samples, or those of the folder that CROSSDOCK_DATA names."""

import os
from pathlib import Path

from crossdock.errors import ConfigError

OWN = Path(__file__).resolve().parent / "data"
LARGEST_OFFSET = 50_000
SIGNED = {"globex": 1}


def folder() -> Path:
    return Path(os.environ.get("CROSSDOCK_DATA", OWN))


def contracts(customer: str) -> list[Path]:
    """What a customer signed: as many as `SIGNED` says, else all. Nobody may answer from another's."""
    found = _files("contracts")
    return found[: SIGNED.get(customer, len(found))]


def port_offset() -> int:
    """PORT_OFFSET, which moves all ports. Raises `ConfigError`."""
    value = os.environ.get("PORT_OFFSET") or "0"
    if not (value.isascii() and value.isdigit() and int(value) <= LARGEST_OFFSET):
        raise ConfigError(f"PORT_OFFSET is {value!r}; give a whole number from 0 to {LARGEST_OFFSET}.")
    return int(value)


def shipments() -> Path:
    return _files("shipments", ".csv")[0]


def _files(kind: str, suffix: str = "") -> list[Path]:
    found = sorted(path for path in (folder() / kind).glob(f"*{suffix}") if path.is_file())
    if not found:
        raise ConfigError(
            f"There is nothing in {folder() / kind}. Let CROSSDOCK_DATA name a folder with {kind}/ in it."
        )
    return found
