"""Serving below the path of the public URL too: who has an agent's card, but another way to it, asks for that."""

from starlette.types import ASGIApp, Receive, Scope, Send


class PublicPathMiddleware:
    """Takes `prefix`, such as `/agents/anomaly`, off the path of a request; a gateway may have done so already."""

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._prefix}/"):
            raw = scope.get("raw_path", b"").removeprefix(self._prefix.encode())
            scope = {**scope, "path": scope["path"][len(self._prefix) :] or "/", "raw_path": raw or b"/"}
        await self._app(scope, receive, send)
