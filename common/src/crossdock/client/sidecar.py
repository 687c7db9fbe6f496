"""Calls that go through the Dapr sidecar beside this process: mTLS to the other one's sidecar, and its access control.

https://docs.dapr.io/reference/api/service_invocation_api/
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx
import orjson

from crossdock.hosts import is_address

STREAM = "text/event-stream"
STREAM_OR_ANSWER = f"{STREAM}, application/json"
"""Asked for a stream and nothing else, the sidecar turns every error of the agent into a 500."""
PERMISSION_DENIED = httpx.codes.FORBIDDEN


def app_of(url: str) -> str:
    """`<app>.<namespace>`, as the host names the Service of the app. Raises `ValueError`."""
    host = urlsplit(url).hostname or ""
    labels = host.split(".")
    if host == "localhost" or is_address(host) or not all(labels[:2]):
        raise ValueError(f"the host of {url} names no app: use http://<app>.<namespace>:<port>")
    return ".".join(labels[:2])


class SidecarTransport(httpx.AsyncBaseTransport):
    """Sends each request to the sidecar, which knows the app that its URL names.

    What the sidecar answers in the agent's place is told apart: a refusal stays a 403, with words that help; anything
    else is a cut line, since nobody knows whether the agent has the request.
    """

    def __init__(self, port: int, inner: httpx.AsyncBaseTransport) -> None:
        self._port = port
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        app = app_of(str(request.url))
        response = await self._inner.handle_async_request(self._readdressed(request, app))
        return response if response.is_success else await _judged(response, app)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _readdressed(self, request: httpx.Request, app: str) -> httpx.Request:
        """A copy: the URL of the original says who may have the token."""
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        headers = httpx.Headers(request.headers)
        headers["Host"] = f"127.0.0.1:{self._port}"
        headers["dapr-app-id"] = app
        if STREAM in headers.get("accept", ""):
            headers["accept"] = STREAM_OR_ANSWER
        return httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)


def mounts(port: int, urls: Iterable[str], inner: httpx.AsyncBaseTransport) -> dict[str, httpx.AsyncBaseTransport]:
    """For a client whose calls to these URLs, and no others, go through the sidecar."""
    transport = SidecarTransport(port, inner)
    return {f"{split.scheme}://{split.netloc}": transport for split in map(urlsplit, urls)}


async def _judged(response: httpx.Response, app: str) -> httpx.Response:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        body = b"".join([piece async for piece in response.stream])
    finally:
        await response.aclose()
    if not _is_the_sidecars(body):
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(body),
            extensions=response.extensions,
        )
    if response.status_code == PERMISSION_DENIED:
        return httpx.Response(PERMISSION_DENIED, json={"error": f"Dapr does not let this service call {app}."})
    raise httpx.ReadError(f"The sidecar could not carry the request to {app}.")


def _is_the_sidecars(body: bytes) -> bool:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(answer, dict) and str(answer.get("errorCode", "")).startswith("ERR_")
