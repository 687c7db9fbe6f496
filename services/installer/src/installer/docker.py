"""Docker and its Compose plugin as programs."""

import os
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crossdock.errors import ConfigError

SECONDS = 300
LINES = 3
OBJECTS = 2
"""The exit status of our programs for what they were given, as for settings that do not fit."""
OPTIONS = {"-f", "--progress", "--project-directory"}
LOGS = "Look at `make logs`."


@dataclass(frozen=True)
class Docker:
    """`files` gives the Compose files of the moment, the repository's own first; `variables` are for them."""

    root: Path
    files: Callable[[], list[Path]]
    variables: Mapping[str, str] = field(default_factory=dict)

    def compose(self, *arguments: str) -> str:
        """What it says on stdout. Raises `ConfigError` with the end of what it says on stderr."""
        return self._said(self._compose(arguments, "--progress", "quiet"), LOGS)

    def objection(self, *arguments: str) -> str:
        """What a program in a container, run by `compose`, says against its arguments (status 2); empty if nothing.

        Raises `ConfigError` where it cannot say.
        """
        done = self._done(self._compose(arguments, "--progress", "quiet"), LOGS)
        if done.returncode == OBJECTS:
            return done.stderr.strip()
        self._check(done, LOGS)
        return ""

    def run(self, *arguments: str, remedy: str = LOGS) -> str:
        """`docker` itself, as `compose` otherwise; `remedy` is what to do when it fails."""
        return self._said(["docker", *arguments], remedy)

    def last_words(self, container: str, lines: int = 1) -> str:
        """The end of what a container said on either stream."""
        command = ["docker", "logs", "--tail", str(lines), container]
        done = subprocess.run(  # noqa: S603 - as below
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False
        )
        return done.stdout.strip() or "none"

    def attached(self, *arguments: str) -> int:
        """Compose on our own terminal, for as long as it takes; its exit status."""
        return subprocess.call(self._compose(arguments), cwd=self.root, env=self._environment)  # noqa: S603 - as below

    def check_running(self, services: Collection[str]) -> None:
        """Raises `ConfigError` that names those that are not."""
        running = set(self.compose("ps", "--services", "--status", "running").split())
        if missing := [service for service in services if service not in running]:
            raise ConfigError(f"Not running: {', '.join(missing)}. Start the system with `make up` first.")

    def check_known(self, services: Collection[str]) -> None:
        """Raises `ConfigError` for what is no service of the Compose files."""
        known = self.compose("--profile", "*", "config", "--services").split() if services else []
        if unknown := [service for service in services if service not in known]:
            raise ConfigError(
                f"There is no service {', '.join(unknown)!a:.80}. Choose one of: {', '.join(sorted(known))}."
            )

    def _compose(self, arguments: tuple[str, ...], *more: str) -> list[str]:
        options = [option for path in self.files() for option in ("-f", str(path))]
        return ["docker", "compose", *more, "--project-directory", str(self.root), *options, *arguments]

    def _said(self, command: list[str], remedy: str) -> str:
        done = self._done(command, remedy)
        self._check(done, remedy)
        return done.stdout

    def _done(self, command: list[str], remedy: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - our own words, and names that were checked
                command,
                cwd=self.root,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(f"Cannot start `docker`: {reason}. Install Docker with its Compose plugin.") from None
        except subprocess.TimeoutExpired:
            raise ConfigError(f"`{_shown(command)}` did not end within {SECONDS} s. {remedy}") from None

    def _check(self, done: subprocess.CompletedProcess[str], remedy: str) -> None:
        if done.returncode:
            raise ConfigError(f"`{_shown(done.args)}` failed: {_end(done.stderr)} {remedy}")

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}


def _shown(command: list[str]) -> str:
    """Without the options that all calls have."""
    words = iter(command)
    return " ".join(word for word in words if not (word in OPTIONS and next(words)))


def _end(text: str) -> str:
    end = " ".join(text.strip().splitlines()[-LINES:]) or "it does not say why"
    return end if end.endswith((".", "?", "!")) else f"{end}."
