"""One trace across all hops: W3C trace context in, spans out over OTLP where an endpoint is set."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

tracer = trace.get_tracer("crossdock")


def silence_sdk_tracing() -> None:
    """a2a-sdk makes some hundred spans without attributes for each request; it reads this at its import."""
    os.environ.setdefault("OTEL_INSTRUMENTATION_A2A_SDK_ENABLED", "false")


def start_tracing(service: str, endpoint: str) -> TracerProvider:
    """Installs the process's tracer provider. `endpoint` is an OTLP/HTTP collector; empty keeps spans inside."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if endpoint:
        # Only here: it takes as long to import as all the rest of this module.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def server_span(name: str, headers: Mapping[str, str]) -> Iterator[Span]:
    """A SERVER span, as a child of the caller's span."""
    parent = propagate.extract(headers)
    with tracer.start_as_current_span(name, context=parent, kind=SpanKind.SERVER) as span:
        yield span


class TracingMiddleware:
    """A SERVER span around each HTTP request, as a child of the caller's span."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = f"{scope['method']} {scope['path'] if scope['path'] in {'/', '/rpc'} else 'http+json'}"
        with server_span(name, _headers(scope["headers"])) as span:

            async def observed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            await self._app(scope, receive, observed)


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
