"""Log lines as a service writes them, caught in the test's process."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from crossdock.telemetry.logs import configure_logs


class Output(io.StringIO):
    """The stream of the log; each line is one JSON object."""

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """All lines, or those of `event`."""
        found = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in found if not event or line["event"] == event]


@contextmanager
def logged(service: str = "test") -> Iterator[Output]:
    """Configures the logs as a service does, and puts everything back afterwards."""
    root, output, config = logging.getLogger(), Output(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    configure_logs(service, stream=output)
    try:
        yield output
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**config)
        structlog.contextvars.clear_contextvars()
