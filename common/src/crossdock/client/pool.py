"""The one HTTP client of a process."""

import ssl
from typing import Any

import httpx
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

tracer = trace.get_tracer("crossdock")


class NoCookies(httpx.Cookies):
    """Agents are called by token. To look for cookies takes a tenth of a request's time."""

    def extract_cookies(self, response: httpx.Response) -> None:
        return


class PooledClient(httpx.AsyncClient):
    """Sends W3C trace context, under a CLIENT span for each request.

    OpenTelemetry's instrumentation of httpx reads all headers, whichever it is to keep, and took as long as httpx.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cookies = NoCookies()

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        url = request.url
        attributes = {"http.request.method": request.method, "server.address": url.host, "url.path": url.path}
        span = tracer.start_span(request.method, kind=SpanKind.CLIENT, attributes=attributes)
        propagate.inject(request.headers, trace.set_span_in_context(span))
        try:
            response = await super().send(request, **options)
        except Exception as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        else:
            span.set_attribute("http.response.status_code", response.status_code)
            if response.is_error:
                span.set_status(Status(StatusCode.ERROR))
            return response
        finally:
            span.end()


def pooled_client(verify: ssl.SSLContext | bool = True) -> PooledClient:
    """Keeps connections alive. Streams may be silent between the server's pings (15 s)."""
    return PooledClient(
        verify=verify,
        timeout=httpx.Timeout(10.0, read=40.0, pool=30.0),
        limits=httpx.Limits(max_connections=500, max_keepalive_connections=50),
    )
