"""Structured logs: one JSON object a line, with the trace id, and never a token."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from opentelemetry import trace

SECRET = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"  # a header's value
    r"|(?i:(?<=token=)|(?<=secret=)|(?<=password=)|(?<=assertion=))[^\s&\"']+"  # a form's or a query's field
    r"|(?<=://)[^/\s@\"']+(?=@)"  # a URL's user and password
)
REDACTED = "[redacted]"
SECRET_KEYS = re.compile(r"(?i)authorization|token|secret|password|api_?key")
NOISY = ("httpx", "httpcore", "openai", "sse_starlette", "uvicorn.access", "asyncio")

Fields = MutableMapping[str, Any]


def add_trace(_: Any, __: str, fields: Fields) -> Fields:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        fields["trace_id"] = format(span.trace_id, "032x")
        fields["span_id"] = format(span.span_id, "016x")
    return fields


def redact(_: Any, __: str, fields: Fields) -> Fields:
    """The last gate before a line is written: whatever looks like a credential is not."""
    for key, value in fields.items():
        fields[key] = _clean(key, value)
    return fields


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, int | float) or key.startswith("_"):  # the underscore is structlog's own
        return value
    if SECRET_KEYS.search(key):
        return REDACTED
    if isinstance(value, Mapping):
        return {SECRET.sub(REDACTED, str(name)): _clean(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    return SECRET.sub(REDACTED, value if isinstance(value, str) else repr(value))


def configure_logs(service: str, *, level: str = "INFO", stream: TextIO | None = None, readable: bool = False) -> None:
    """Sends structlog's and the standard library's records the same way. Called once, by a service's `__main__`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Any = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The SDK logs every malformed request as an error with a traceback: strangers could fill the log with it.
    logging.getLogger("a2a").setLevel(logging.CRITICAL)
    structlog.contextvars.bind_contextvars(service=service)
