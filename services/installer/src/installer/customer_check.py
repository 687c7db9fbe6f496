"""Whether a customer's file would start an orchestrator: by the orchestrator's own word, as Compose asks it."""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from crossdock.errors import ConfigError

SECONDS = 60
OBJECTS = 2
"""The exit status of our programs for what they were given, as for settings that do not fit."""
PROGRAM = "orchestrator"


def check(root: Path, file: Path, agents: Collection[str]) -> None:
    """`file` is relative to `root`, `agents` are the ids of those that live in the place. Raises `ConfigError` with a
    line for each problem, or where there is no orchestrator to ask."""
    homes = json.dumps({agent: f"http://{agent}" for agent in agents})
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and a name that was checked
            [sys.executable, "-m", PROGRAM, "check", str(file)],
            cwd=root,
            env={**os.environ, "CROSSDOCK_AGENTS": homes},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{file} could not be checked within {SECONDS} s. Try again.") from None
    if done.returncode == OBJECTS:
        raise ConfigError(done.stderr.strip())
    if done.returncode:
        end = done.stderr.strip().splitlines()[-1:] or ["it does not say why"]
        raise ConfigError(
            f"{file} could not be checked: {end[0].rstrip('.')}. Run this by `make`, which installs both."
        )
