"""What comes back from a child process."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from crossdock.compute import ChildFailed, ComputePool


def unsendable(report: Callable[..., None]) -> Any:
    return threading.Lock()


async def test_a_value_that_cannot_be_sent_is_the_functions_fault_not_the_memorys() -> None:
    pool = ComputePool()
    with pytest.raises(ChildFailed, match="cannot pickle"):
        async for _ in pool.run("acme", unsendable):
            pass
    pool.close()
