"""The door of a service: every request needs a token, but for a few public pages that are named."""

from collections.abc import Callable, Collection

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.auth.bearer import Answer, BearerCheck
from crossdock.auth.caller import Stranger
from crossdock.auth.refusals import Refusal
from crossdock.auth.verifier import TokenVerifier
from crossdock.errors import TryLater

PUBLIC_METHODS = frozenset({"GET", "HEAD"})


class AuthenticationMiddleware:
    """Outermost, so that no route can be forgotten. Puts a `Caller` into `scope["user"]`.

    `public_paths` are compared as they were sent: neither another spelling of one nor a path below it is public.
    `on_rejection` is told the reason of each refusal, from a small closed set.
    """

    def __init__(
        self,
        app: ASGIApp,
        verifier: TokenVerifier,
        public_paths: Collection[str] = (),
        on_rejection: Callable[[str], None] | None = None,
    ) -> None:
        self._app = app
        self._check = BearerCheck(verifier, on_rejection)
        self._public = frozenset(public_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = await self._refused(scope)
            await (refused or self._app)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "Websockets are not served."})
        else:
            raise RuntimeError(f"Connections of type {scope['type']!r} are not served.")

    async def _refused(self, scope: Scope) -> ASGIApp | None:
        if self._is_public(scope):
            scope["user"] = Stranger()
        else:
            try:
                scope["user"] = await self._check.caller(
                    [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
                )
            except (Refusal, TryLater) as refusal:
                return _response(self._check.answer(refusal, scope["method"], scope["path"]))
        return None

    def _is_public(self, scope: Scope) -> bool:
        path = scope["path"]
        if path not in self._public or scope["method"] not in PUBLIC_METHODS:
            return False
        raw = scope.get("raw_path")
        return raw is None or bytes(raw) == path.encode()


def _response(answer: Answer) -> ASGIApp:
    return JSONResponse(answer.body, answer.status, headers={"Cache-Control": "no-store", **answer.headers})
