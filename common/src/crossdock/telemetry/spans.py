"""Spans in the form in which a collector takes them.

The SDK's own take five times as long: they are copied when they end, and then turned into this form by a thread that
keeps the event loop waiting meanwhile.
"""

import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import SpanFlags
from opentelemetry.proto.trace.v1.trace_pb2 import Status as WireStatus
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util._decorator import _agnosticcontextmanager

SAMPLED, UNSAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
LOCAL = TraceFlags.SAMPLED | SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
REMOTE = LOCAL | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
KINDS = {kind: WireSpan.SpanKind.Value(f"SPAN_KIND_{kind.name}") for kind in SpanKind}
CODES = {code: WireStatus.StatusCode.Value(f"STATUS_CODE_{code.name}") for code in StatusCode}
TRACE_IDS = 1 << 64
"""Of an id's lower half: by it all services come to the same decision."""

Attributes = Mapping[str, Any] | None
Ended = Callable[[str, WireSpan], None]


def span_context(trace_id: int = 0, flags: TraceFlags = SAMPLED, state: trace.TraceState | None = None) -> SpanContext:
    """A new span's, in a new trace where none is given."""
    bits = random.getrandbits
    return SpanContext(trace_id or bits(128) or 1, bits(64) or 1, False, flags, state)


class RecordingProvider(trace.TracerProvider):
    """Follows the caller's decision whether to record a trace, and decides by the trace's id where there is none.

    `ended` is given each span at its end, with the name of the tracer that made it.
    """

    def __init__(self, ended: Ended, ratio: float = 1.0) -> None:
        self._ended = ended
        self._bound = round(ratio * TRACE_IDS)

    def get_tracer(self, instrumenting_module_name: str, *_: Any, **__: Any) -> trace.Tracer:
        return RecordingTracer(instrumenting_module_name, self._ended, self._bound)


class RecordingTracer(trace.Tracer):
    def __init__(self, name: str, ended: Ended, bound: int) -> None:
        self._name = name
        self._ended = ended
        self._bound = bound

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        above = trace.get_current_span(context).get_span_context()
        trace_id, _, _, flags, state, known = above  # a tuple: its properties take longer
        parent = above if known else None
        if parent is not None:
            made = span_context(trace_id, flags, state)
        else:
            made = span_context()
            if made.trace_id % TRACE_IDS >= self._bound:
                made = span_context(made.trace_id, UNSAMPLED)
        if not made[3].sampled:
            return NonRecordingSpan(made)
        span = RecordedSpan(name, made, parent, kind, start_time or time.time_ns(), self._over)
        if attributes:
            span.set_attributes(attributes)
        for link in links or ():
            span.add_link(link.context, link.attributes)
        return span

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def _over(self, span: WireSpan) -> None:
        self._ended(self._name, span)


class RecordedSpan(trace.Span):
    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        began: int,
        over: Callable[[WireSpan], None],
    ) -> None:
        trace_id, span_id, _, _, state, _ = context
        self._context = context
        self._over: Callable[[WireSpan], None] | None = over
        self._wire = WireSpan(
            trace_id=trace_id.to_bytes(16, "big"),
            span_id=span_id.to_bytes(8, "big"),
            name=name,
            kind=KINDS[kind],
            start_time_unix_nano=began,
            flags=LOCAL,
        )
        if parent is not None:
            self._wire.parent_span_id = parent[1].to_bytes(8, "big")
            if parent[2]:
                self._wire.flags = REMOTE
        if state:
            self._wire.trace_state = state.to_header()
        self._attributes: dict[str, Any] | None = None

    def end(self, end_time: int | None = None) -> None:
        if (over := self._over) is None:
            return
        self._wire.end_time_unix_nano = end_time or time.time_ns()
        if self._attributes:
            self._wire.attributes.extend(_pairs(self._attributes))
        self._over = None
        over(self._wire)

    def get_span_context(self) -> SpanContext:
        return self._context

    def is_recording(self) -> bool:
        return self._over is not None

    def set_attribute(self, key: str, value: Any) -> None:
        if self._attributes is None:
            self._attributes = {}
        self._attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self._attributes = {**(self._attributes or {}), **attributes}

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        if self.is_recording():
            self._wire.events.add(
                name=name, time_unix_nano=timestamp or time.time_ns(), attributes=_pairs(attributes or {})
            )

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        if self.is_recording():
            self._wire.links.add(
                trace_id=context.trace_id.to_bytes(16, "big"),
                span_id=context.span_id.to_bytes(8, "big"),
                attributes=_pairs(attributes or {}),
            )

    def update_name(self, name: str) -> None:
        if self.is_recording():
            self._wire.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """What was called a success stays one."""
        if not self.is_recording() or self._wire.status.code == CODES[StatusCode.OK]:
            return
        given = status if isinstance(status, Status) else Status(status, description)
        if given.status_code is not StatusCode.UNSET:
            self._wire.status.CopyFrom(WireStatus(code=CODES[given.status_code], message=given.description or ""))

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        told = {
            "exception.type": type(exception).__qualname__,
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
        }
        self.add_event("exception", {**told, **(attributes or {})}, timestamp)


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [
        _number(key, value) if type(value) is int else KeyValue(key=key, value=wire_value(value))
        for key, value in attributes.items()
    ]


@lru_cache(256)
def _number(key: str, value: int) -> KeyValue:
    """Most are statuses, of which there are few."""
    return KeyValue(key=key, value=wire_value(value))


def wire_value(value: Any) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int() if -(1 << 63) <= value < 1 << 63:
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list() | tuple():
            return AnyValue(array_value=ArrayValue(values=map(wire_value, value)))
        case _:
            return AnyValue(string_value=str(value))
