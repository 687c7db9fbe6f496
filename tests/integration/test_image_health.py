"""The images' health check, as Docker runs it."""

import asyncio
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support.serving import free_port, serve

SCRIPT = Path(__file__).parents[2] / "docker" / "ready.py"


async def check(port: int) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(SCRIPT)),
        env={"CROSSDOCK_PORT": str(port - 1000)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
async def test_it_is_what_the_service_says(status: int, code: int) -> None:
    async def readyz(_: object) -> PlainTextResponse:
        return PlainTextResponse("checks", status)

    async with serve(Starlette(routes=[Route("/readyz", readyz)])) as url:
        assert await check(int(url.rpartition(":")[2])) == (code, "checks")


async def test_nobody_there_is_not_ready() -> None:
    code, said = await check(free_port())
    assert (code, said.partition(":")[0]) == (1, "no answer")
