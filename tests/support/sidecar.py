"""A Dapr sidecar in small: an HTTP server on loopback that carries requests to the app in their `dapr-app-id`.

As Dapr's it refuses requests without that header, answers for apps that it cannot reach or that are not for this
caller, and swallows the status of an agent that was asked for `text/event-stream` and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.serving import serve

METHODS = ["GET", "POST", "DELETE", "PUT"]
HOP_BY_HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}


@dataclass
class Sidecar:
    """`apps` are URLs by app id; those `denied` have no policy for this caller. `seen` are the requests that came."""

    apps: dict[str, str]
    http: httpx.AsyncClient
    denied: set[str] = field(default_factory=set)
    seen: list[httpx.Headers] = field(default_factory=list)
    port: int = 0
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def after(self, requests: int) -> None:
        """Until so many have come."""
        while len(self.seen) < requests:
            self._came.clear()
            await self._came.wait()

    async def answer(self, request: Request) -> Response:
        headers = httpx.Headers(request.headers.raw)
        self.seen.append(headers.copy())
        self._came.set()
        app = headers.pop("dapr-app-id", "")
        if not app:
            return refusal(404, "failed getting app id either from the URL path or the header dapr-app-id")
        if app in self.denied:
            return refusal(403, f"failed to invoke, id: {app}, err: rpc error: code = PermissionDenied")
        try:
            return await self._carried(request, headers, self.apps[app] + request.url.path)
        except (KeyError, httpx.TransportError) as error:
            return refusal(500, f"failed to invoke, id: {app}, err: {type(error).__name__}")

    async def _carried(self, request: Request, headers: httpx.Headers, url: str) -> Response:
        del headers["host"]
        sent = self.http.build_request(
            request.method, url, params=request.query_params, headers=headers, content=await request.body()
        )
        answer = await self.http.send(sent, stream=True)
        if not answer.is_success and headers.get("accept") == "text/event-stream":
            await answer.aclose()
            return refusal(500, "no response received from stream")
        kept = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
        return StreamingResponse(pieces(answer), answer.status_code, kept)


async def pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()


def refusal(status: int, message: str) -> Response:
    return JSONResponse({"errorCode": "ERR_DIRECT_INVOKE", "message": message}, status)


@asynccontextmanager
async def sidecar(apps: dict[str, str]) -> AsyncIterator[Sidecar]:
    async with httpx.AsyncClient(timeout=None) as http:
        made = Sidecar(apps, http)
        site = Starlette(routes=[Route("/{path:path}", made.answer, methods=METHODS)])
        async with serve(site) as url:
            made.port = int(url.rpartition(":")[2])
            yield made
