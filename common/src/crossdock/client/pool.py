"""The one HTTP client of a process."""

import ssl
from collections.abc import Iterable
from http.cookiejar import CookieJar
from typing import Any

import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

from crossdock.client.sidecar import mounts

LIMITS = httpx.Limits(max_connections=500, max_keepalive_connections=50)


class NoCookies(CookieJar):
    """Agents are called by token, and a cookie of one customer's answer must not go out with another's request."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        return


def pooled_client(
    verify: ssl.SSLContext | bool = True, *, sidecar: int | None = None, through: Iterable[str] = ()
) -> httpx.AsyncClient:
    """Keeps connections alive and sends W3C trace context. Streams may be silent between the server's pings (15 s).

    With the port of a `sidecar`, calls to the URLs `through` go by it.
    """
    client = httpx.AsyncClient(
        verify=verify,
        cookies=NoCookies(),
        timeout=httpx.Timeout(10.0, read=40.0, pool=30.0),
        limits=LIMITS,
        mounts=mounts(sidecar, through, httpx.AsyncHTTPTransport(limits=LIMITS)) if sidecar else None,
    )
    HTTPXClientInstrumentor.instrument_client(client)
    return client
