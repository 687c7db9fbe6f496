"""The one HTTP client of a process."""

import ssl
from http.cookiejar import CookieJar
from typing import Any

import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor


class NoCookies(CookieJar):
    """Agents are called by token, and a cookie of one customer's answer must not go out with another's request."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        return


def pooled_client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """Keeps connections alive and sends W3C trace context. Streams may be silent between the server's pings (15 s)."""
    client = httpx.AsyncClient(
        verify=verify,
        cookies=NoCookies(),
        timeout=httpx.Timeout(10.0, read=40.0, pool=30.0),
        limits=httpx.Limits(max_connections=500, max_keepalive_connections=50),
    )
    HTTPXClientInstrumentor.instrument_client(client)
    return client
