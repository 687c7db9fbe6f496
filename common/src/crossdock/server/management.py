"""Health and metrics, on a port that no gateway routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[bool]]


def management_app(
    registry: CollectorRegistry, checks: Mapping[str, Check], degraded: Callable[[], Sequence[str]] = tuple
) -> Starlette:
    """`/livez`, `/readyz` and `/metrics`. `/readyz` is 503 while one of `checks` does not hold, and names it.

    What `degraded` names (agents that are away, a task store that is full) leaves it 200: it is so for each replica
    alike, and to take them all out of service would stop what can be done yet.
    """

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        results = {name: await _holds(check) for name, check in checks.items()}
        ready = all(results.values())
        told = {name: "ok" if held else "failing" for name, held in results.items()}
        body = {"ready": ready, "checks": told, "degraded": list(degraded())}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


async def _holds(check: Check) -> bool:
    try:
        return await check()
    except Exception:  # noqa: BLE001 - a check that fails in any way does not hold
        return False
