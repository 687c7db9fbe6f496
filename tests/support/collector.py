"""What a telemetry collector that is down may cost: no time of a request, and few lines in the log."""

import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping

DOWN = "http://otel-collector-that-is-down:4318"
REQUESTS = 40


async def medians(asked: Mapping[str, Callable[[], Awaitable[None]]]) -> dict[str, float]:
    """Seconds of a request to each, in turns."""
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(REQUESTS):
        for name, ask in asked.items():
            began = time.monotonic()
            await ask()
            times[name].append(time.monotonic() - began)
    return {name: statistics.median(found) for name, found in times.items()}


def as_fast(without: float, usual: float) -> bool:
    return without < 2 * usual + 0.1


def complaints(log: str) -> list[str]:
    """Lines that are warnings or errors, or none of the service's own."""
    return [line for line in log.splitlines() if _level(line) in {"warning", "error"}]


def few(found: list[str]) -> bool:
    return len(found) < REQUESTS / 4


def _level(line: str) -> str:
    try:
        return str(json.loads(line)["level"])
    except (ValueError, KeyError):
        return "error"
