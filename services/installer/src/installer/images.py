"""What the images weigh, and how long each takes from its start until it accepts requests."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from crossdock.errors import ConfigError
from installer.docker import Docker

SECONDS = 60.0
PAUSE = 0.02
CUSTOMER = "/etc/crossdock/customer.yaml"
ALONE = {
    "CROSSDOCK_ISSUER": "http://issuer.invalid",
    "CROSSDOCK_CUSTOMER_FILE": CUSTOMER,
    "CROSSDOCK_CLIENT_SECRET_FILE": CUSTOMER,
    "CROSSDOCK_AGENTS": json.dumps({agent: "http://agent.invalid" for agent in ("anomaly", "contract", "escalation")}),
}
"""Enough for each service to start alone, without anything that it talks to."""
PORTS = {"anomaly": 9002, "contract": 9003, "edge": 9005, "escalation": 9004, "orchestrator": 9001}


@dataclass(frozen=True)
class Row:
    image: str
    megabytes: float
    seconds: float | None


def measured(docker: Docker) -> str:
    """A table. Raises `ConfigError` for an image that does not start."""
    images = sorted({image for image in docker.compose("--profile", "tools", "config", "--images").split() if _own(image)})
    rows = [_measure(docker, image) for image in images]
    width = max(len(row.image) for row in rows)
    head = f"{'image':{width}}  {'MB':>5}  {'seconds to start':>16}"
    lines = [f"{row.image:{width}}  {row.megabytes:5.0f}  {_seconds(row):>16}" for row in rows]
    return "\n".join([head, *lines])
