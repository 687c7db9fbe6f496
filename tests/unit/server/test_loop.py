"""The loop of the services."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from crossdock.server.loop import Loop

NAME = "not-a-number.invalid"
NO_QUESTION = socket.AI_NUMERICHOST
"""A look-up that fails in its thread without asking anybody."""
LATER = 20


async def complaints() -> list[str]:
    """What the loop says of a connection that is given up while its host's name is looked up, in vain."""
    loop, said = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: said.append(context["message"]))
    task = loop.create_task(loop.create_connection(asyncio.Protocol, NAME, 6379, flags=NO_QUESTION))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    del task
    for _ in range(LATER):  # each ends after the first one
        with contextlib.suppress(socket.gaierror):
            await loop.getaddrinfo(NAME, 6379, flags=NO_QUESTION)
    gc.collect()
    return said


@pytest.mark.parametrize(("made", "clean"), [(Loop, True), (uvloop.new_event_loop, False)], ids=["ours", "uvloop's"])
def test_a_connection_given_up_while_its_host_is_looked_up(made: Callable[[], Any], clean: bool) -> None:
    """uvloop's own loop is the control."""
    with asyncio.Runner(loop_factory=made) as runner:
        assert (runner.run(complaints()) == []) is clean


def test_a_host_that_is_found_is_connected_to() -> None:
    async def greeted() -> bytes:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("localhost", port)
            said = await reader.read()
            writer.close()
            return said

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(greeted()) == b"hello"


def test_who_is_not_found_is_the_callers_error() -> None:
    async def connected() -> None:
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, NAME, 6379, flags=NO_QUESTION)

    with asyncio.Runner(loop_factory=Loop) as runner, pytest.raises(socket.gaierror):
        runner.run(connected())
