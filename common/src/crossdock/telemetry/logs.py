"""Structured logs: one JSON object a line, with the trace id, and never a token.

Each task writes some lines, so they are made in one step instead of structlog's usual chain.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from opentelemetry import trace

from crossdock.telemetry.spool import Spool

SECRET = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"  # a header's value
    r"|(?i:(?<=token=)|(?<=secret=)|(?<=password=)|(?<=assertion=))[^\s&\"']+"  # a form's or a query's field
    r"|(?<=://)[^/\s@\"']+(?=@)"  # a URL's user and password
)
REDACTED = "[redacted]"
SECONDS = 0.02
"""How long a line of no urgency may wait for others."""
SECRET_KEYS = re.compile(r"(?i)authorization|token|secret|password|api_?key")
SUSPICIOUS = ("token", "secret", "password", "authorization", "api", "eyj", "bearer", "basic", "assertion=", "://")
"""Where none of these stands, in lower case, neither of the two patterns above finds anything."""
PLAIN = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
NOISY = ("httpx", "httpcore", "openai", "sse_starlette", "uvicorn.access", "asyncio")

Fields = MutableMapping[str, Any]
Render = Callable[[Any, str, Fields], str]


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


def _json(_: Any, __: str, fields: Fields) -> str:
    try:
        line = orjson.dumps(fields, repr, PLAIN).decode()
    except TypeError:  # a number or a character that it does not take
        line = ""
    # Only ASCII is sure to be found by its lower case: in other scripts are letters that patterns take for ours.
    if line and line.isascii():
        low = line.lower()
        for word in SUSPICIOUS:
            if word in low:
                break
        else:
            return line
    return json.dumps(redact(None, "", fields), default=repr, separators=(",", ":"))


def _readable() -> Render:
    console = structlog.dev.ConsoleRenderer()
    return lambda logger, method, fields: str(console(logger, method, redact(logger, method, fields)))


class Lines:
    """Makes lines of records, structlog's (as its processor) and the standard library's alike."""

    def __init__(self, service: str, render: Render) -> None:
        self._service = service
        self._render = render

    def __call__(self, logger: Any, method: str, fields: Fields) -> str:
        return self._line("error" if method == "exception" else method, logger.name, fields)

    def of(self, record: logging.LogRecord) -> str:
        fields: Fields = {"event": record.getMessage()}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        return self._line(record.levelname.lower(), record.name, fields)

    def _line(self, level: str, name: str, fields: Fields) -> str:
        fields["level"] = level
        fields["logger"] = name
        fields["service"] = self._service
        fields["timestamp"] = f"{datetime.now(UTC).isoformat()[:-6]}Z"
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            fields["trace_id"] = format(span.trace_id, "032x")
            fields["span_id"] = format(span.span_id, "016x")
        if "exc_info" in fields:
            structlog.processors.format_exc_info(None, level, fields)
        return self._render(None, level, fields)


class LineLogger:
    """What structlog hands a line to. `name` is that of the module which logs."""

    def __init__(self, spool: Spool, name: str = "") -> None:
        self.name = name
        self.debug = self.info = spool.add
        self.warning = self.error = self.critical = self.exception = spool.add_at_once


class SpoolHandler(logging.Handler):
    """The same for the standard library's records."""

    def __init__(self, spool: Spool, lines: Lines) -> None:
        super().__init__()
        self._spool = spool
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._lines.of(record)
        except Exception:  # noqa: BLE001 - as every handler does
            self.handleError(record)
            return
        (self._spool.add_at_once if record.levelno >= logging.WARNING else self._spool.add)(line)


def configure_logs(service: str, *, level: str = "INFO", stream: TextIO | None = None, readable: bool = False) -> None:
    """Sends structlog's and the standard library's records the same way. Called once, by a service's `__main__`."""
    lines = Lines(service, _readable() if readable else _json)
    spool = Spool(stream or sys.stderr, seconds=0.0 if stream else SECONDS)
    structlog.configure(
        processors=[lines],
        context_class=dict,
        logger_factory=lambda *names: LineLogger(spool, *names),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=stream is None,  # another stream is a test's, and does not last
    )
    logging.basicConfig(handlers=[SpoolHandler(spool, lines)], level=level, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The SDK logs every malformed request as an error with a traceback: strangers could fill the log with it.
    logging.getLogger("a2a").setLevel(logging.CRITICAL)
