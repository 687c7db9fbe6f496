import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway import IMAGE, Gateway, gateway
from tests.support.system import System, system


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Without it nothing here is skipped: it fails, and so does `make test-compose`."""
    if problem := missing():
        pytest.fail(f"{problem} These tests run the gateway's own image: see docs/compose.md.", pytrace=False)


def missing() -> str:
    if not shutil.which("docker"):
        return "There is no docker on the PATH. Install Docker with its Compose plugin."
    found = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, text=True)
    return (
        f"{IMAGE} cannot be had: {found.stderr.strip()} Start Docker, then `docker pull {IMAGE}`."
        if found.returncode
        else ""
    )


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with system(tmp_path) as made:
        yield made


@pytest.fixture
async def door(crossdock: System) -> AsyncIterator[Gateway]:
    """To which a test adds its names before it starts it."""
    async with gateway(crossdock) as made:
        yield made
