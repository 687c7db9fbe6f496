"""`make up` and `make down`: the whole system of one machine, started, checked and removed."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from crossdock.errors import ConfigError
from installer import startup
from installer.compose import ComposePlace
from installer.docker import Docker
from installer.preflight import Settings, check_engine, check_ports

SECONDS = 600
TAIL = 8
FIRST = ("postgres", "redis", "keycloak")
JAEGER = "jaeger"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Container:
    """One line of `docker compose ps`."""

    name: str
    service: str
    state: str
    health: str
    exit_code: int

    @property
    def well(self) -> bool:
        return self.state == "running" and self.health in {"", "healthy"}

    @property
    def told(self) -> str:
        return f"{self.state}, exit status {self.exit_code}" if self.exit_code else self.health or self.state


def up(place: ComposePlace, settings: Settings, say: Say) -> None:
    """Raises `ConfigError` with one line for each thing that is wrong."""
    began = time.monotonic()
    docker = place.docker
    check_engine(docker)
    check_ports(docker, settings)
    _check_secrets(place)
    place.prepare()
    startup.record(place.folder, docker.variables)
    docker = build(docker)
    place.check(place.customers())
    if "telemetry" in os.environ.get("COMPOSE_PROFILES", ""):
        docker = _with_traces(docker, say)
    ready = time.monotonic()
    _start(docker, *FIRST)
    docker.compose("run", "--rm", "-T", "--no-deps", "installer", "reconcile")
    _start(docker)
    say(f"\nUp after {time.monotonic() - began:.0f} s, {time.monotonic() - ready:.0f} s of them without the images.")


def _check_secrets(place: ComposePlace) -> None:
    """Raises `ConfigError` for data whose passwords are lost."""
    if place.folder.exists():
        return
    ours = f"label=com.docker.compose.project={place.docker.variables[startup.PROJECT]}"
    if place.docker.run("volume", "ls", "--quiet", "--filter", ours).strip():
        raise ConfigError(
            f"There is data of an earlier start, but {place.folder} with its passwords is gone. "
            "Remove the data with `make down`, then start again."
        )


def down(place: ComposePlace) -> None:
    """Everything, data and secrets alike: the passwords in the volumes are those in the files."""
    check_engine(place.docker)
    if place.docker.attached("--profile", "*", "down", "--volumes", "--remove-orphans"):
        raise ConfigError("Something is left, as told above. Run `make down` again.")
    shutil.rmtree(place.folder, ignore_errors=True)


def build(docker: Docker) -> Docker:
    """All images, with labels that say what they are made of; a second when nothing has changed."""
    labels = {"VERSION": version("crossdock"), "REVISION": _revision(docker.root)}
    labelled = Docker(docker.root, docker.files, {**docker.variables, **labels})
    if labelled.attached("--profile", "tools", "build", "--quiet"):
        raise ConfigError("The images could not be built, as told above. Mend that, then try again.")
    return labelled


def _revision(root: Path) -> str:
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()  # noqa: S603 - our own words
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _with_traces(docker: Docker, say: Say) -> Docker:
    """Jaeger where its image can be had; the collector writes spans into its log otherwise."""
    try:
        image = docker.compose("--profile", JAEGER, "config", "--images", JAEGER).split()[-1]
        if not docker.run("image", "ls", "--quiet", image).strip():
            docker.run("pull", "--quiet", image)
    except ConfigError:
        say("The image of Jaeger cannot be had here: traces go to the log of otel-collector instead.")
        return docker
    profiles = f"{os.environ['COMPOSE_PROFILES']},{JAEGER}"
    return Docker(docker.root, docker.files, {**docker.variables, "COMPOSE_PROFILES": profiles, "TRACES_TO": JAEGER})


def _start(docker: Docker, *services: str) -> None:
    began = ("up", "--detach", "--no-build", "--wait", "--wait-timeout", str(SECONDS), *services)
    if docker.attached(*began):
        raise ConfigError("\n".join(_complaints(docker)) or "Docker Compose failed, as told above.")


def _complaints(docker: Docker) -> list[str]:
    """For each container that is not well: what it is, and its last words."""
    return [
        f"{each.name} is not well ({each.told}). Its last words (all of them: make logs S={each.service}):\n"
        + _indented(docker.last_words(each.name, TAIL))
        for each in containers(docker)
        if not each.well
    ]


def containers(docker: Docker) -> list[Container]:
    lines = docker.compose("ps", "--all", "--format", "json").splitlines()
    return [
        Container(found["Name"], found["Service"], found["State"], found["Health"], found["ExitCode"])
        for found in map(json.loads, lines)
    ]


def _indented(words: str) -> str:
    return "\n".join(f"    {line[:300]}" for line in words.splitlines())
