"""The one HTTP client of a process."""

import ssl
from urllib.request import getproxies

import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

from crossdock.client.direct import DirectTransport


def pooled_client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """Keeps connections alive and sends W3C trace context. Streams may be silent between the server's pings (15 s)."""
    context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify=verify)
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
    client = httpx.AsyncClient(
        verify=context,
        timeout=httpx.Timeout(10.0, read=40.0, pool=30.0),
        limits=limits,
        transport=None if getproxies() else DirectTransport(context, limits),
    )
    HTTPXClientInstrumentor.instrument_client(client)
    return client
