"""Heavy computation in child processes that can be killed.

A fork server is started once, with the pipeline's modules already imported, so that a child begins to compute within
milliseconds and no cold start stands in front of a human. A child that is killed takes nothing of the parent with it.
"""

import asyncio
import contextlib
import multiprocessing
import pickle
import traceback
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from crossdock.errors import CrossdockError, Failed, Public
from crossdock.pipeline import Computed, Progress
from crossdock.slots import FairSlots


class ChildFailed(CrossdockError):
    """The function raised something unexpected; the text is the child's traceback, for the log only."""


def warm(connection: Connection) -> None:
    """The first child of all: its start brings the fork server and its imports up."""
    connection.send(("value", None))


def call(connection: Connection, payload: bytes) -> None:
    """The child's main: runs the function and sends progress, then its value or its error."""
    # A broken pipe means that the parent is gone, and with it everybody who waits for the answer.
    with contextlib.suppress(BrokenPipeError):
        answer = _called(connection, payload)
        try:
            connection.send(answer)
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 - a value that cannot be pickled; nothing of it was sent
            connection.send(("crash", traceback.format_exc()))


def _called(connection: Connection, payload: bytes) -> tuple[str, Any]:
    function, args = pickle.loads(payload)  # noqa: S301 - written by our own parent process

    def report(text: str, fraction: float | None = None) -> None:
        connection.send(("progress", (text, fraction)))

    try:
        return "value", function(report, *args)
    except Public as error:
        return "error", error
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - the boundary between the processes
        return "crash", traceback.format_exc()


class ComputePool:
    """Starts one child per call, at most `limit` at a time; owners who wait take turns (`FairSlots`)."""

    def __init__(self, *, limit: int = 2, preload: Sequence[str] = ()) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["crossdock.compute", *preload])
        self._slots = FairSlots(limit)
        # One thread per child: pickling and pipe reads of large tables stay off the event loop.
        self._threads = ThreadPoolExecutor(max_workers=limit + 1, thread_name_prefix="compute")

    async def start(self) -> None:
        """Returns when the fork server has imported everything."""
        async for _ in self._converse(warm):
            pass

    async def run(self, owner: str, function: Callable[..., Any], *args: Any) -> AsyncGenerator[Progress | Computed]:
        """See `crossdock.pipeline.Run.compute`. Closing the iterator kills the child."""
        loop = asyncio.get_running_loop()
        async with self._slots.held(owner):
            payload = await loop.run_in_executor(self._threads, pickle.dumps, (function, args))
            conversation = self._converse(call, payload)
            try:
                async for kind, value in conversation:
                    yield _translate(kind, value)
            finally:
                await conversation.aclose()

    async def _converse(self, target: Callable[..., None], *args: Any) -> AsyncGenerator[tuple[str, Any]]:
        loop = asyncio.get_running_loop()
        parent, child = self._context.Pipe(duplex=False)
        process = self._context.Process(target=target, args=(child, *args), daemon=True)
        await loop.run_in_executor(self._threads, process.start)
        child.close()
        try:
            kind = "progress"
            while kind == "progress":
                kind, value = await loop.run_in_executor(self._threads, _receive, parent)
                yield kind, value
        finally:
            process.kill()
            await asyncio.shield(loop.run_in_executor(None, _reap, process, parent))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _receive(connection: Connection) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = connection.recv()
    except (EOFError, OSError):
        return "died", None
    return message


def _reap(process: Any, connection: Connection) -> None:
    process.join()
    with contextlib.suppress(OSError):
        connection.close()
    process.close()


def _translate(kind: str, value: Any) -> Progress | Computed:
    if kind == "progress":
        return Progress(*value)
    if kind == "value":
        return Computed(value)
    if kind == "error":
        raise value
    if kind == "died":
        raise Failed("The computation ended without a result, probably for lack of memory. Send a smaller file.")
    raise ChildFailed(value)
