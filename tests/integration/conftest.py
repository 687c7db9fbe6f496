from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.system import System, system


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with system(tmp_path) as made:
        yield made
