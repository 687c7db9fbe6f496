"""One trace across all hops: W3C trace context in, spans out over OTLP where an endpoint is set."""

import os
import random
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from starlette.types import ASGIApp, Message, Receive, Scope, Send

tracer = trace.get_tracer("crossdock")
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
CARRIERS = {b"traceparent": "traceparent", b"tracestate": "tracestate", b"baggage": "baggage"}


def silence_sdk_tracing() -> None:
    """a2a-sdk makes some hundred spans without attributes for each request; it reads this at its import."""
    os.environ.setdefault("OTEL_INSTRUMENTATION_A2A_SDK_ENABLED", "false")


def start_tracing(service: str, endpoint: str, ratio: float = 1.0) -> TracerProvider | None:
    """Installs the process's tracer provider. `endpoint` is an OTLP/HTTP collector.

    `ratio` is the share of traces that are recorded, of those that begin here. Without an endpoint no spans are made,
    which nobody would see: callers' trace contexts are passed on, and where a request brings none it gets one, so that
    logs name its trace.
    """
    if not endpoint:
        return None
    # Only here: it takes as long to import as all the rest of this module.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider = recording(service, ratio)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    return provider


def recording(service: str, ratio: float) -> TracerProvider:
    """What begins with a caller is recorded if the caller's trace is; of the rest, this share."""
    sampler = ParentBased(ALWAYS_ON if ratio >= 1 else TraceIdRatioBased(ratio))
    return TracerProvider(sampler, ProcessResource(Resource.create({"service.name": service})))


class ProcessResource(Resource):
    """The exporter asks each span's resource for its hash, for which the SDK writes all of it as JSON."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)


class ServerSpan:
    """A SERVER span as the current one, as a child of the caller's; `headers` carry that one, if any.

    Without a tracer provider it is the caller's own span, or an invented one, and records nothing.
    """

    __slots__ = ("_headers", "_name", "_span", "_token")

    def __init__(self, name: str, headers: Mapping[str, str]) -> None:
        self._name = name
        self._headers = headers

    def __enter__(self) -> Span:
        parent = propagate.extract(self._headers) if self._carried() else contexts.Context()
        span = tracer.start_span(self._name, parent, SpanKind.SERVER)
        self._span = span if span.get_span_context().is_valid else _invented()
        self._token: Token[contexts.Context] = contexts.attach(trace.set_span_in_context(self._span, parent))
        return self._span

    def _carried(self) -> bool:
        return "traceparent" in self._headers or "baggage" in self._headers

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _record(self._span, error)
        self._span.end()
        contexts.detach(self._token)


class TaskSpan:
    """The span of a task's work; an error that leaves it is recorded.

    Where its caller waits here (`watched`), the request's own span, which is the current one, tells of the work, too:
    a second one of the same length costs a tenth of a short task. Otherwise it is a child of the span that `carrier`
    names, or without one of the current one.
    """

    __slots__ = ("_carrier", "_span", "_task_id", "_token", "_watched")

    def __init__(self, task_id: str, carrier: Mapping[str, str] | None, *, watched: bool) -> None:
        self._task_id = task_id
        self._carrier = carrier
        self._watched = watched

    def __enter__(self) -> None:
        if self._watched:
            self._span = trace.get_current_span()
        else:
            parent = None if self._carrier is None else propagate.extract(self._carrier)
            self._span = tracer.start_span("task", parent)
            self._token: Token[contexts.Context] = contexts.attach(trace.set_span_in_context(self._span, parent))
        if self._span.is_recording():  # whoever watched may have left
            self._span.set_attribute("a2a.task.id", self._task_id)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _record(self._span, error)
        if not self._watched:
            self._span.end()
            contexts.detach(self._token)


def _record(span: Span, error: BaseException | None) -> None:
    if isinstance(error, Exception) and span.is_recording():
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR))


def _invented() -> Span:
    trace_id, span_id = random.getrandbits(128) or 1, random.getrandbits(64) or 1
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=SAMPLED))


class TracingMiddleware:
    """A SERVER span around each HTTP request, as a child of the caller's span."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = f"{scope['method']} {scope['path'] if scope['path'] in {'/', '/rpc'} else 'http+json'}"
        carried = {CARRIERS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in CARRIERS}
        with ServerSpan(name, carried) as span:
            await self._app(scope, receive, _observed(span, send) if span.is_recording() else send)


def _observed(span: Span, send: Send) -> Send:
    async def observed(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= 500:
                span.set_status(Status(StatusCode.ERROR))
        await send(message)

    return observed
