"""A server that remembers what reaches it, and answers with headers that no caller should see."""

from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

HEADERS = {
    "X-Auth-Customer": "globex",
    "X-Crossdock-Card": "secret-agent",
    "X-Powered-By": "Echo",
    "Via": "1.1 inside",
    "crossdock-hops": "3",
    "X-Accel-Redirect": "/.edge",
}


@dataclass
class Echo:
    """`targets` are the paths with their queries as they were sent; HEAD is forgotten."""

    name: str
    targets: list[str] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _lifespan(receive, send)
            return
        request = Request(scope, receive)
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        if request.method != "HEAD":
            self.targets.append(scope["raw_path"].decode() + query)
            self.headers.append(request.headers)
        size = len(await request.body())
        await JSONResponse({"name": self.name, "size": size}, headers=HEADERS)(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})
