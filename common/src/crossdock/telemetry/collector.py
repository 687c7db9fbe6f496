"""Sends spans to an OTLP/HTTP collector, many at once, from a thread of its own."""

import os
import threading
from collections import deque

import httpx
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as WireResource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.re import parse_env_headers

from crossdock.telemetry.spans import wire_value

log = structlog.get_logger(__name__)
SECONDS = 5.0
TOGETHER = 512
MOST = 8_192
"""So many wait for a collector that does not answer; then the oldest are lost."""
TIMEOUT = 10.0


class Collector:
    """`endpoint` is an OTLP/HTTP collector's. Headers for it are in OTEL_EXPORTER_OTLP_HEADERS, as everywhere."""

    def __init__(self, endpoint: str, service: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        resource = Resource.create({"service.name": service})
        self._resource = WireResource(
            attributes=[KeyValue(key=key, value=wire_value(value)) for key, value in resource.attributes.items()]
        )
        self._waiting: deque[tuple[str, Span]] = deque(maxlen=MOST)
        self._many = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._send_all, name="spans", daemon=True)
        self._thread.start()

    def add(self, scope: str, span: Span) -> None:
        waiting = self._waiting
        waiting.append((scope, span))
        if len(waiting) == TOGETHER:
            self._many.set()

    def close(self) -> None:
        """Sends what waits still."""
        self._closed = True
        self._many.set()
        self._thread.join(TIMEOUT)

    def _send_all(self) -> None:
        headers = {"content-type": "application/x-protobuf", **parse_env_headers(_headers(), liberal=True)}
        with httpx.Client(headers=headers, timeout=TIMEOUT) as client:
            over = False
            while not over:
                self._many.wait(SECONDS)
                self._many.clear()
                over = self._closed
                while self._waiting and self._sent(client):
                    pass

    def _sent(self, client: httpx.Client) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
        try:
            answer = client.post(self._url, content=self._request(batch))
            reason = "" if answer.is_success else f"it answered {answer.status_code}"
            final = answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS
        except httpx.HTTPError as error:
            reason, final = str(error) or type(error).__name__, False
        if reason:
            kept = not final and not self._closed and len(self._waiting) + len(batch) <= MOST
            log.warning("spans_not_sent", spans=len(batch), lost=not kept, reason=reason)
            if kept:
                self._waiting.extendleft(reversed(batch))
        return not reason

    def _request(self, batch: list[tuple[str, Span]]) -> bytes:
        scopes: dict[str, list[Span]] = {}
        for scope, span in batch:
            scopes.setdefault(scope, []).append(span)
        found = [ScopeSpans(scope=InstrumentationScope(name=name), spans=spans) for name, spans in scopes.items()]
        resource_spans = [ResourceSpans(resource=self._resource, scope_spans=found)]
        return ExportTraceServiceRequest(resource_spans=resource_spans).SerializeToString()


def _headers() -> str:
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
