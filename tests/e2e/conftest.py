"""One event loop for all: what the place does goes on between the tests."""

from pathlib import Path

import pytest
from pytest_asyncio import is_async_test

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_async_test(item) and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
