"""Docker Compose as a program."""

import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from crossdock.errors import ConfigError

SECONDS = 300
LINES = 3


@dataclass(frozen=True)
class Docker:
    """`files` gives the Compose files of the moment, the repository's own first."""

    root: Path
    files: Callable[[], list[Path]]

    def compose(self, *arguments: str) -> str:
        """What it says on stdout. Raises `ConfigError` with the end of what it says on stderr."""
        options = [option for path in self.files() for option in ("-f", str(path))]
        command = [
            "docker",
            "compose",
            "--progress",
            "quiet",
            "--project-directory",
            str(self.root),
            *options,
            *arguments,
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own words, and names that were checked
                command, cwd=self.root, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(f"Cannot start `docker`: {reason}. Install Docker with its Compose plugin.") from None
        except subprocess.TimeoutExpired:
            raise ConfigError(f"`{_said(arguments)}` did not end within {SECONDS} s. Look at `make logs`.") from None
        if done.returncode:
            raise ConfigError(f"`{_said(arguments)}` failed: {_end(done.stderr)}")
        return done.stdout

    def check_running(self, services: Collection[str]) -> None:
        """Raises `ConfigError` that names those that are not."""
        running = set(self.compose("ps", "--services", "--status", "running").split())
        if missing := [service for service in services if service not in running]:
            raise ConfigError(f"Not running: {', '.join(missing)}. Start the system with `make up` first.")


def _said(arguments: tuple[str, ...]) -> str:
    return " ".join(("docker compose", *arguments))


def _end(text: str) -> str:
    return " ".join(text.strip().splitlines()[-LINES:]) or "it does not say why. Look at `make logs`."
