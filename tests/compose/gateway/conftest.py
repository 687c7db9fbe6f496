import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway import IMAGE, Gateway, gateway
from tests.support.system import System, system


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    if not shutil.which("docker"):
        pytest.skip("no docker on the PATH")
    found = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"no container engine with the image {IMAGE}: {found.stderr.strip()}")


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with system(tmp_path) as made:
        yield made


@pytest.fixture
async def door(crossdock: System) -> AsyncIterator[Gateway]:
    """To which a test adds its names before it starts it."""
    async with gateway(crossdock) as made:
        yield made
