"""Spans as a collector gets them, over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crossdock.telemetry import collector as collectors
from crossdock.telemetry.collector import Collector
from crossdock.telemetry.spans import RecordingProvider, wire_value
from tests.support.logs import logged
from tests.support.serving import listen, serve, url_of

CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "shop=7"}
UNSAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}


class Backend:
    """A collector that keeps what it gets; the first `failures` requests it refuses."""

    def __init__(self, *failures: int) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[str] = []
        self.came = asyncio.Event()
        self._failures = list(failures)
        self.app = Starlette(routes=[Route("/v1/traces", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        if self._failures:
            return Response(status_code=self._failures.pop(0))
        self.requests.append(ExportTraceServiceRequest.FromString(await request.body()))
        self.headers.append(request.headers.get("x-key", ""))
        self.came.set()
        return Response()

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def served(stack: AsyncExitStack, backend: Backend) -> Collector:
    bound = listen()
    await stack.enter_async_context(serve(backend.app, bound))
    return Collector(url_of(bound), "shop")


def kept(ratio: float = 1.0) -> tuple[list[Span], trace.Tracer]:
    spans: list[Span] = []
    return spans, RecordingProvider(lambda _, span: spans.append(span), ratio).get_tracer("test")


def attributes(span: Span) -> dict[str, object]:
    return {
        pair.key: getattr(pair.value, str(pair.value.WhichOneof("value")))
        for pair in span.attributes
        if pair.value.WhichOneof("value") != "array_value"
    }


async def test_a_span_arrives_with_all_that_was_said_of_it(
    stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    backend = Backend()
    collector = await served(stack, backend)
    tracer = RecordingProvider(collector.add).get_tracer("here")
    before = time.time_ns()
    outer = tracer.start_span("outer", propagate.extract(CALLER), SpanKind.SERVER)
    with trace.use_span(outer, end_on_exit=True), tracer.start_as_current_span("inner", attributes={"n": 3}) as inner:
        inner.set_attributes({"text": "a", "yes": True, "part": 0.5})
        inner.set_attribute("several", ["a", "b"])
        inner.add_event("seen", {"what": "it"})
        inner.update_name("renamed")
        inner.set_status(StatusCode.OK)
        inner.set_status(StatusCode.ERROR, "later")
    await asyncio.to_thread(collector.close)
    first, second = backend.spans
    assert (first.name, second.name) == ("renamed", "outer")
    assert {span.trace_id.hex() for span in (first, second)} == {"0af7651916cd43dd8448eb211c80319c"}
    assert (first.parent_span_id, second.parent_span_id.hex()) == (second.span_id, "b7ad6b7169203331")
    assert (first.kind, second.kind) == (Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER)
    assert (first.flags, second.flags) == (0x101, 0x301), "sampled; and whether the parent is in another process"
    assert second.trace_state == "shop=7"
    assert before <= second.start_time_unix_nano <= first.start_time_unix_nano
    assert first.end_time_unix_nano <= second.end_time_unix_nano <= time.time_ns()
    assert attributes(first) == {"n": 3, "text": "a", "yes": True, "part": 0.5}
    assert first.status.code == StatusCode.OK.value
    assert [event.name for event in first.events] == ["seen"]
    (resource,) = backend.requests[0].resource_spans
    assert {pair.value.string_value for pair in resource.resource.attributes if pair.key == "service.name"} == {"shop"}
    assert [scope.scope.name for scope in resource.scope_spans] == ["here"]
    assert backend.headers == ["abc"]


def test_what_goes_wrong_stands_in_the_span() -> None:
    spans, tracer = kept()
    with pytest.raises(ValueError, match="wrong"), tracer.start_as_current_span("work"):
        raise ValueError("wrong")
    (span,) = spans
    assert span.status.code == 2
    (event,) = span.events
    told = {pair.key: pair.value.string_value for pair in event.attributes}
    assert (told["exception.type"], told["exception.message"]) == ("ValueError", "wrong")
    assert "test_spans.py" in told["exception.stacktrace"]


def test_a_span_ends_once_and_is_left_alone_then() -> None:
    spans, tracer = kept()
    span = tracer.start_span("work")
    assert span.is_recording()
    span.end()
    span.end()
    span.update_name("other")
    span.add_event("late")
    span.set_status(Status(StatusCode.ERROR))
    assert not span.is_recording()
    (only,) = spans
    assert (only.name, len(only.events), only.status.code) == ("work", 0, 0)


def test_the_caller_decides_whether_a_trace_is_recorded() -> None:
    spans, tracer = kept(ratio=0.0)
    recorded = tracer.start_span("a", propagate.extract(CALLER))
    ignored = tracer.start_span("b", propagate.extract(UNSAMPLED))
    own = tracer.start_span("c", contexts.Context())
    assert [span.is_recording() for span in (recorded, ignored, own)] == [True, False, False]
    for span in (recorded, ignored, own):
        span.end()
    assert [span.name for span in spans] == ["a"]
    carried: dict[str, str] = {}
    propagate.inject(carried, trace.set_span_in_context(ignored))
    assert carried["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert carried["traceparent"].endswith("-00")
    below = tracer.start_span("d", trace.set_span_in_context(own))
    assert below.get_span_context().trace_id == own.get_span_context().trace_id


def test_about_so_many_traces_are_recorded_as_was_asked() -> None:
    spans, tracer = kept(ratio=0.25)
    for _ in range(2_000):
        tracer.start_span("a", contexts.Context()).end()
    assert 300 < len(spans) < 700


async def test_spans_wait_for_a_collector_that_cannot_take_them_now(
    stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors, "SECONDS", 0.05)
    backend = Backend(503, 429)
    collector = await served(stack, backend)
    with logged() as output:
        RecordingProvider(collector.add).get_tracer("t").start_span("patient").end()
        async with asyncio.timeout(10):
            await backend.came.wait()
        await asyncio.to_thread(collector.close)
    assert [span.name for span in backend.spans] == ["patient"]
    assert [line["lost"] for line in output.lines("spans_not_sent")] == [False, False]


async def test_spans_that_a_collector_refuses_are_let_go(stack: AsyncExitStack) -> None:
    backend = Backend(400)
    collector = await served(stack, backend)
    with logged() as output:
        RecordingProvider(collector.add).get_tracer("t").start_span("refused").end()
        await asyncio.to_thread(collector.close)
        (line,) = output.lines("spans_not_sent")
    assert line["lost"]


def test_numbers_too_large_for_the_wire_are_told_as_text() -> None:
    assert wire_value(1 << 70).string_value == str(1 << 70)
    assert wire_value(None).string_value == "None"
