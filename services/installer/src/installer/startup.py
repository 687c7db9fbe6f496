"""With what the system of this machine was started: later commands go on with it, and need not be told again."""

import os
from collections.abc import Mapping
from pathlib import Path

from crossdock.errors import ConfigError

FILE = "project"
PROJECT = "COMPOSE_PROJECT_NAME"
DEFAULTS = {PROJECT: "crossdock", "PUBLIC_HOST": "localhost", "HTTPS_PORT": "8443", "HTTP_PORT": "8080"}


def variables(folder: Path, *, starting: bool = False) -> dict[str, str]:
    """As they are given, else as they were at the start, else by default.

    Raises `ConfigError` for one that is given and was another; `starting` again may change all but the project.
    """
    known = _recorded(folder)
    given = {name: os.environ[name] for name in DEFAULTS if os.environ.get(name)}
    for name, value in given.items():
        if known.get(name, value) != value and (name == PROJECT or not starting):
            raise ConfigError(_other(folder, name, known[name], value))
    return {**DEFAULTS, **known, **given}


def record(folder: Path, started: Mapping[str, str]) -> None:
    lines = [f"{name}={started[name]}\n" for name in DEFAULTS]
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


def _recorded(folder: Path) -> dict[str, str]:
    path = folder / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _other(folder: Path, name: str, known: str, given: str) -> str:
    if name == PROJECT:
        return (
            f"{folder} holds the secrets of the project {known}, and this is {given}. "
            f"Say PROJECT={known}, or remove that first: make down PROJECT={known}"
        )
    return (
        f"The system was started with {name}={known}, and this is {name}={given}. "
        f"Leave {name} out, or change it: make up {name}={given}"
    )
