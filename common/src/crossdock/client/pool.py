"""The one HTTP client of a process."""

import ssl

import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor


def pooled_client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """Keeps connections alive and sends W3C trace context. Streams may be silent between the server's pings (15 s)."""
    client = httpx.AsyncClient(
        verify=verify,
        timeout=httpx.Timeout(10.0, read=40.0, pool=30.0),
        limits=httpx.Limits(max_connections=500, max_keepalive_connections=50),
    )
    HTTPXClientInstrumentor.instrument_client(client)
    return client
