"""Files given by URL (section 14.1): fetched only from addresses that a stranger may point us at."""

import asyncio
from dataclasses import replace

import httpx

from crossdock.errors import Rejected
from crossdock.pipeline import FilePart
from crossdock.server.dialling import AddressGuard, GuardedTransport


class FileFetcher:
    """Downloads at most `limit` bytes within `seconds`; redirects are not followed."""

    def __init__(self, *, limit: int, allow_private: bool = False, seconds: float = 30.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._guard = AddressGuard(
            "file", instead=" Send the file inline instead.", allow_private=allow_private, allow_http=True
        )
        self._http = httpx.AsyncClient(transport=GuardedTransport(self._guard), timeout=10.0, follow_redirects=False)

    async def fetch(self, file: FilePart) -> FilePart:
        """The file with its content. Raises `Rejected` with what to change."""
        url = self._guard.url(file.url)
        try:
            async with asyncio.timeout(self._seconds), self._http.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise Rejected(
                        f"The file's server answered {response.status_code}. Send a direct link to the file."
                    )
                content = await self._read(response)
        except (httpx.HTTPError, TimeoutError):
            raise Rejected(
                f"The file {file.name!r} could not be downloaded. Check its URL or send it inline."
            ) from None
        return replace(file, content=content, url="")

    async def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._limit:
                raise Rejected(f"The file is larger than {self._limit // 1024} KiB. Send a smaller one.")
        return bytes(content)

    async def close(self) -> None:
        await self._http.aclose()
