"""A schema or pattern that never ends is ended from outside: the time is spent where no code of ours could look up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from anomaly_agent.limits import Limits
from anomaly_agent.pipeline import VALIDATE, AnomalyPipeline
from crossdock.compute import ComputePool
from crossdock.errors import Rejected
from crossdock.pipeline import DataPart, Result
from crossdock.server.executor import PipelineRun
from crossdock.testing import request

LEVELS = {f"l{level}": {"allOf": [{"$ref": f"#/$defs/l{level + 1}"}] * 2} for level in range(40)}
ENDLESS: dict[str, dict[str, Any]] = {
    "a schema that doubles with each level": {"schema": {"$ref": "#/$defs/l0", "$defs": {**LEVELS, "l40": True}}},
    "a pattern whose compilation doubles": {
        "rules": [{"field": "a", "pattern": "(" * 40 + "a" + "{1,200})" * 40 + "b"}]
    },
}


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ComputePool]:
    made = ComputePool(preload=AnomalyPipeline().warm_up())
    await made.start()
    yield made
    made.close()


async def validated(pool: ComputePool, rules: dict[str, Any], owner: str, limits: Limits) -> Any:
    asked = replace(request([DataPart([{"a": "aaa"}]), DataPart(rules)], skill=VALIDATE), customer=owner)
    run = PipelineRun(asyncio.get_running_loop().time() + 600, pool, owner)
    return [output async for output in AnomalyPipeline(limits).run(asked, run)][-1]


@pytest.mark.parametrize("name", ENDLESS)
async def test_what_never_ends_is_rejected_in_time_with_what_to_change(pool: ComputePool, name: str) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(Rejected, match=r"longer than 0\.5 s\. Simplify the schema"):
            await validated(pool, ENDLESS[name], "acme", Limits(validation_seconds=0.5))


async def test_one_customers_endless_work_holds_up_nobody_else(pool: ComputePool) -> None:
    endless: Callable[[], Any] = lambda: validated(pool, next(iter(ENDLESS.values())), "acme", Limits())  # noqa: E731
    stuck = [asyncio.create_task(endless()) for _ in range(3)]
    await asyncio.sleep(0)  # they ask first
    async with asyncio.timeout(20):
        simple = {"rules": [{"field": "a", "pattern": "^b"}]}
        assert isinstance(await validated(pool, simple, "globex", Limits()), Result)
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
