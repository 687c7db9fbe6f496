"""Probes as they are rendered: what they ask, how often, and after how many answers they count."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import httpx

from tests.support.rendered.engine import Engine, EngineError

SERVING = b"\x08\x01"
"""grpc.health.v1.HealthCheckResponse with status 1."""


@dataclass
class Target:
    """A running container."""

    engine: Engine
    http: httpx.AsyncClient
    name: str
    address: str
    ports: Mapping[str, int]

    def port(self, given: str | int) -> int:
        return given if isinstance(given, int) else self.ports[given]


async def holds(probe: Mapping[str, Any], target: Target) -> bool:
    """One look."""
    try:
        async with asyncio.timeout(probe.get("timeoutSeconds", 1)):
            if "httpGet" in probe:
                return await _http(probe["httpGet"], target)
            if "exec" in probe:
                await target.engine.waited("exec", target.name, *probe["exec"]["command"])
                return True
            if "grpc" in probe:
                return await _grpc(probe["grpc"], target)
            _, writer = await asyncio.open_connection(target.address, target.port(probe["tcpSocket"]["port"]))
            writer.close()
            return True
    except (TimeoutError, OSError, httpx.HTTPError, grpc.aio.AioRpcError, EngineError):
        return False


async def _http(asked: Mapping[str, Any], target: Target) -> bool:
    url = f"http://{target.address}:{target.port(asked['port'])}{asked.get('path', '/')}"
    headers = {each["name"]: each["value"] for each in asked.get("httpHeaders") or []}
    return 200 <= (await target.http.get(url, headers=headers)).status_code < 400


async def _grpc(asked: Mapping[str, Any], target: Target) -> bool:
    name = str(asked.get("service", "")).encode()
    async with grpc.aio.insecure_channel(f"{target.address}:{asked['port']}") as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        return bool(await check((b"\x0a" + bytes([len(name)]) + name) if name else b"") == SERVING)


async def watch(probe: Mapping[str, Any], look: Callable[[], Awaitable[bool]], told: Callable[[bool], bool]) -> None:
    """Looks again and again; `told` hears each verdict that counts and says whether to go on."""
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    needed = {True: probe.get("successThreshold", 1), False: probe.get("failureThreshold", 3)}
    verdict, times = True, 0
    while True:
        found = await look()
        times = times + 1 if found == verdict else 1
        verdict = found
        if times >= needed[found] and not told(found):
            return
        await asyncio.sleep(probe.get("periodSeconds", 10))
