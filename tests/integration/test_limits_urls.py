"""Files given by URL: fetched only from where a stranger may point us at, within bounds of size and time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from crossdock.errors import Rejected
from crossdock.pipeline import FilePart
from crossdock.server.fetching import FileFetcher
from tests.support.obligations import obliges
from tests.support.serving import serve
from tests.support.system import System
from tests.support.wire import body

asked: list[str] = []


async def small(request: Request) -> Response:
    asked.append(str(request.url))
    return Response(b"a,b\n1,2\n", media_type="text/csv")


async def away(request: Request) -> Response:
    return RedirectResponse("/small.csv")


async def endless(request: Request) -> Response:
    async def content() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)

    return StreamingResponse(content())


async def slow(request: Request) -> Response:
    async def content() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    return StreamingResponse(content())


@pytest.fixture
async def files() -> AsyncIterator[str]:
    """The URL of a server of files on the loopback."""
    asked.clear()
    pages = {"/small.csv": small, "/away.csv": away, "/endless.csv": endless, "/slow.csv": slow}
    async with serve(Starlette(routes=[Route(path, page) for path, page in pages.items()])) as url:
        yield url


async def state_of(crossdock: System, url: str, **settings: Any) -> tuple[str, str, list[bytes]]:
    """What becomes of a message with the file at `url`: state, text, and the contents that the pipeline got."""
    agent = await crossdock.agent(**settings)
    content = body(parts=[{"text": "complete"}, {"url": url, "mediaType": "text/csv"}])
    answer = await crossdock.http().post(f"{agent.url}/message:send", json=content, headers=await crossdock.headers())
    assert answer.status_code == httpx.codes.OK, answer.text
    status = answer.json()["task"]["status"]
    contents = [file.content for request in agent.work.requests for file in request.files]
    return status["state"], status["message"]["parts"][0]["text"], contents


async def test_a_file_is_fetched_where_that_is_allowed(crossdock: System, files: str) -> None:
    state, _, contents = await state_of(crossdock, f"{files}/small.csv")
    assert (state, contents) == ("TASK_STATE_COMPLETED", [b"a,b\n1,2\n"])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "127.1", "0x7f.1", "2130706433"],
)
@obliges("14.1-files")
async def test_a_private_address_is_refused_by_default(crossdock: System, files: str, host: str) -> None:
    url = f"http://{host}:{httpx.URL(files).port}/small.csv"
    state, text, _ = await state_of(crossdock, url, allow_private_urls=False)
    assert state == "TASK_STATE_REJECTED"
    assert text == "The file's URL points into a private network. Send the file inline instead."
    assert not asked


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/a.csv", "a.csv", "http://[bad", "http://", "gopher://x/", "//x/a"]
)
async def test_what_is_no_web_address_is_refused(crossdock: System, url: str) -> None:
    state, text, _ = await state_of(crossdock, url)
    assert state == "TASK_STATE_REJECTED"
    assert "URL" in text


@obliges("14.1-files")
async def test_a_redirect_is_not_followed(crossdock: System, files: str) -> None:
    state, text, _ = await state_of(crossdock, f"{files}/away.csv")
    assert state == "TASK_STATE_REJECTED"
    assert text == "The file's server answered 307. Send a direct link to the file."
    assert not asked


async def test_a_missing_file_is_rejected(crossdock: System, files: str) -> None:
    assert (await state_of(crossdock, f"{files}/none.csv"))[0] == "TASK_STATE_REJECTED"


async def test_a_file_without_an_end_is_cut(crossdock: System, files: str) -> None:
    async with asyncio.timeout(5):
        state, text, _ = await state_of(crossdock, f"{files}/endless.csv", max_file=1024 * 1024)
    assert state == "TASK_STATE_REJECTED"
    assert text == "The file is larger than 1024 KiB. Send a smaller one."


async def test_a_slow_server_is_left(files: str) -> None:
    fetcher = FileFetcher(limit=1000, allow_private=True, seconds=0.3)
    async with asyncio.timeout(5):
        with pytest.raises(Rejected, match="could not be downloaded"):
            await fetcher.fetch(FilePart("slow.csv", "text/csv", url=f"{files}/slow.csv"))
    await fetcher.close()


async def test_nobody_at_the_address(crossdock: System) -> None:
    state, text, _ = await state_of(crossdock, "http://127.0.0.1:1/a.csv")
    assert state == "TASK_STATE_REJECTED"
    assert "'a.csv' could not be downloaded" in text
