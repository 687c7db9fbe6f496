"""What must hold before the system is started on this machine; each problem is one line with its remedy."""

import errno
import re
import socket
import subprocess

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from crossdock.errors import ConfigError
from installer.docker import Docker

ENGINE = (25, 0)
"""Health checks at a pace of their own while a container starts."""
COMPOSE = (2, 24)
"""`extends` together with `depends_on`."""
HIGHEST_RATE = 1_000_000


class Settings(BaseSettings):
    """What `make up` can be told, from the variables that the Compose file reads too."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    bind_address: str = Field("127.0.0.1", description="Address of this machine at which the gateway listens.")
    https_port: int = Field(8443, ge=1, le=65535, description="Its port for HTTPS.")
    http_port: int = Field(8080, ge=1, le=65535, description="Its port that redirects there.")
    replicas: int = Field(2, ge=1, le=100, description="Of each agent and orchestrator.")
    requests_per_minute: int = Field(100, ge=1, le=HIGHEST_RATE, description="Of one token at the gateway.")
    request_burst: int = Field(50, ge=1, le=HIGHEST_RATE, description="How many of them may come at once.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Of the services.")

    @field_validator("http_port")
    @classmethod
    def _another_port(cls, value: int, info: ValidationInfo) -> int:
        if value == info.data.get("https_port"):
            raise ValueError("must be another port than HTTPS_PORT")
        return value


def check_engine(docker: Docker) -> None:
    """Raises `ConfigError`."""
    engine = docker.run("version", "--format", "{{.Server.Version}}", remedy="Start Docker, then try again.")
    _check_version("The container engine", engine, ENGINE)
    plugin = docker.run("compose", "version", "--short", remedy="Install Docker's Compose plugin.")
    _check_version("Docker Compose", plugin, COMPOSE)


def check_ports(docker: Docker, settings: Settings) -> None:
    """Raises `ConfigError` for a port that somebody else has."""
    own = docker.compose("ps", "--quiet", "gateway").split()
    for variable, port in (("HTTPS_PORT", settings.https_port), ("HTTP_PORT", settings.http_port)):
        if _free(settings.bind_address, port):
            continue
        holders = docker.run("ps", "--filter", f"publish={port}", "--format", "{{.ID}} {{.Names}}").splitlines()
        strangers = [line for line in holders if not any(full.startswith(line.split()[0]) for full in own)]
        if holders and not strangers:
            continue  # our own gateway, of an earlier start
        by = f"the container {strangers[0].split()[1]}" if strangers else _process(port)
        raise ConfigError(
            f"Port {port} is taken by {by}. Stop that, or choose another: make up {variable}={port + 1000}"
        )


def _check_version(what: str, found: str, needed: tuple[int, int]) -> None:
    numbers = re.search(r"(\d+)\.(\d+)", found)
    if numbers and (int(numbers[1]), int(numbers[2])) < needed:
        wanted = ".".join(map(str, needed))
        raise ConfigError(f"{what} is {found.strip()}; version {wanted} or later is needed. Update it.")


def _free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise ConfigError(f"BIND_ADDRESS {address} is no address of this machine.") from None
            return error.errno != errno.EADDRINUSE
    return True


def _process(port: int) -> str:
    try:
        listing = subprocess.run(  # noqa: S603 - a number
            ["ss", "-Hltnp", f"sport = :{port}"],  # noqa: S607 - the system's own
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        listing = ""
    user = re.search(r'users:\(\("([^"]+)",pid=(\d+)', listing)
    return f"{user[1]} (process {user[2]})" if user else "another program"
