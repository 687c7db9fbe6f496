"""Which traces are recorded."""

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from crossdock.telemetry.tracing import recording

CALLERS = 0x0AF7651916CD43DD8448EB211C80319C


def recorded(ratio: float, *, caller: bool | None = None) -> bool:
    """Of a span without a caller's, or with one that is recorded or not."""
    parent = None
    if caller is not None:
        flags = TraceFlags(TraceFlags.SAMPLED if caller else TraceFlags.DEFAULT)
        parent = trace.set_span_in_context(NonRecordingSpan(SpanContext(CALLERS, 1, True, flags)))
    return recording("anomaly-agent", ratio).get_tracer("test").start_span("send", parent).is_recording()


def test_a_share_of_the_traces_that_begin_here_is_recorded() -> None:
    assert recorded(1.0)
    assert not recorded(0.0)


def test_a_callers_decision_counts() -> None:
    assert recorded(0.0, caller=True)
    assert not recorded(1.0, caller=False)


def test_the_process_is_told_of_as_the_sdk_tells_of_it() -> None:
    plain = Resource.create({"service.name": "anomaly-agent"})
    told = recording("anomaly-agent", 1.0).resource
    assert (told.attributes, told, hash(told)) == (plain.attributes, plain, hash(plain))
