"""What the images weigh, and how long each takes from its start until it accepts requests."""

import itertools
import json
import time
from dataclasses import dataclass

import httpx

from crossdock.errors import ConfigError
from installer.agents import AGENTS, SKILLS
from installer.docker import Docker

SECONDS = 180.0
PAUSE = 0.02
CUSTOMER = "/etc/crossdock/customer.yaml"
ALONE = {
    "CROSSDOCK_ISSUER": "http://issuer.invalid",
    "CROSSDOCK_CUSTOMER_FILE": CUSTOMER,
    "CROSSDOCK_CLIENT_SECRET_FILE": CUSTOMER,
    "CROSSDOCK_AGENTS": json.dumps(dict.fromkeys(SKILLS, "http://agent.invalid")),
}
"""Enough for each service to start alone, without anything that it talks to."""
UNTIMED = {"installer": "not a server", "keycloak": "not alone"}
"""Keycloak needs its database; `make up` says how long the whole takes."""
PORTS = {"orchestrator": 9001, "edge": 9005, **{agent.id: agent.port + 1000 for agent in AGENTS}}
"""Of management: a thousand above the service's own."""


@dataclass(frozen=True)
class Row:
    image: str
    megabytes: float
    seconds: str


def measured(docker: Docker) -> str:
    """A table. Raises `ConfigError` for an image that does not start."""
    images = sorted(
        {image for image in docker.compose("--profile", "tools", "config", "--images").split() if _own(image)}
    )
    rows = [_measure(docker, image) for image in images]
    width = max(len(row.image) for row in rows)
    head = f"{'image':{width}}  {'MB':>5}  {'seconds to start':>16}"
    lines = [f"{row.image:{width}}  {row.megabytes:5.0f}  {row.seconds:>16}" for row in rows]
    return "\n".join([head, *lines])


def _own(image: str) -> bool:
    """Made here: all but what is used as it comes."""
    return _service(image) in {*PORTS, *UNTIMED}


def _service(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0]


def _measure(docker: Docker, image: str) -> Row:
    size = int(docker.run("image", "inspect", "--format", "{{.Size}}", image))
    service = _service(image)
    return Row(image, size / 1e6, UNTIMED.get(service) or f"{_start(docker, image, PORTS[service]):.1f}")


def _start(docker: Docker, image: str, port: int) -> float:
    """Seconds until the management port says that the service accepts requests."""
    variables = [word for name, value in ALONE.items() for word in ("--env", f"{name}={value}")]
    customer = f"{(docker.root / 'k8s/customers/acme.yaml').resolve()}:{CUSTOMER}:ro"
    confined = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")  # noqa: S108 - the container's own
    container = docker.run(
        "create", *confined, "--publish", f"127.0.0.1::{port}", "--volume", customer, *variables, image
    ).strip()
    try:
        began = time.monotonic()
        docker.run("start", container)
        address = docker.run("port", container, str(port)).split()[0]
        looks = itertools.count(1)
        while not _accepts(f"http://{address}/readyz"):
            if time.monotonic() - began > SECONDS or (next(looks) % 50 == 0 and not _runs(docker, container)):
                raise ConfigError(f"{image} does not start. Its last words: {docker.last_words(container)}")
            time.sleep(PAUSE)
        return time.monotonic() - began
    finally:
        docker.run("rm", "--force", container)


def _runs(docker: Docker, container: str) -> bool:
    return docker.run("inspect", "--format", "{{.State.Running}}", container).strip() == "true"


def _accepts(url: str) -> bool:
    """Alone a service is not ready, but it can say that it accepts."""
    with httpx.Client(trust_env=False, timeout=1.0) as http:
        try:
            checks: dict[str, str] = http.get(url).json()["checks"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
    return checks["accepting"] == "ok"
