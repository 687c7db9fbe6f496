"""The door of a service: every request needs a token, but for a few public pages that are named."""

import math
import re
from collections.abc import Callable, Collection

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.auth.caller import Caller, Stranger
from crossdock.auth.claims import Principal
from crossdock.auth.refusals import Refusal, TokenRefused
from crossdock.auth.verifier import TokenVerifier
from crossdock.errors import Forbidden, TryLater

log = structlog.get_logger(__name__)

BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)
PUBLIC_METHODS = frozenset({"GET", "HEAD"})
NOT_QUOTABLE = re.compile(r'[^\x20-\x7e]|["\\]')


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
        self._verifier = verifier
        self._public = frozenset(public_paths)
        self._on_rejection = on_rejection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "Websockets are not served."})
        else:
            raise RuntimeError(f"Connections of type {scope['type']!r} are not served.")

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_public(scope):
            scope["user"] = Stranger()
        else:
            try:
                scope["user"] = Caller(await self._authenticate(scope))
            except (Refusal, TryLater) as refusal:
                await self._refuse(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_public(self, scope: Scope) -> bool:
        path = scope["path"]
        if path not in self._public or scope["method"] not in PUBLIC_METHODS:
            return False
        raw = scope.get("raw_path")
        return raw is None or bytes(raw) == path.encode()

    async def _authenticate(self, scope: Scope) -> Principal:
        values = Headers(scope=scope).getlist("authorization")
        if not values or (len(values) == 1 and not values[0].lower().startswith("bearer")):
            raise TokenRefused("missing", f"Authentication is needed. {self._how_to}")
        match = BEARER.fullmatch(values[0].strip(" \t"))
        if len(values) > 1 or match is None:
            raise TokenRefused(
                "malformed", f"Exactly one header 'Authorization: Bearer TOKEN' is needed. {self._how_to}"
            )
        return await self._verifier.verify(match[1])

    @property
    def _how_to(self) -> str:
        return (
            f"Get an access token for {self._verifier.audience} from {self._verifier.issuer} "
            "(OAuth 2.0 client credentials) and send it as 'Authorization: Bearer TOKEN'."
        )

    def _refuse(self, scope: Scope, refusal: Refusal | TryLater) -> ASGIApp:
        reason, client_id = _reason(refusal)
        if self._on_rejection is not None:
            self._on_rejection(reason)
        path = scope["path"][:200]
        log.warning("request_refused", reason=reason, method=scope["method"], path=path, client_id=client_id)
        if isinstance(refusal, TryLater):
            return _answer(503, "UNAVAILABLE", str(refusal), {"Retry-After": str(math.ceil(refusal.retry_after))})
        if isinstance(refusal, Forbidden):
            return _answer(403, "PERMISSION_DENIED", str(refusal), self._challenge("insufficient_scope", refusal))
        error = "" if reason == "missing" else "invalid_token"
        return _answer(401, "UNAUTHENTICATED", self._text(refusal), self._challenge(error, refusal))

    def _text(self, refusal: Refusal) -> str:
        text = str(refusal)
        return text if self._how_to in text else f"{text} {self._how_to}"

    def _challenge(self, error: str, refusal: Refusal) -> dict[str, str]:
        """RFC 6750, section 3: a request without a token is told no error."""
        challenge = f'Bearer realm="{_quotable(self._verifier.audience)}"'
        if error:
            challenge += f', error="{error}", error_description="{_quotable(str(refusal))}"'
        return {"WWW-Authenticate": challenge}


def _reason(refusal: Refusal | TryLater) -> tuple[str, str]:
    """For the metrics and the log, with the client's id if that is known."""
    if isinstance(refusal, Refusal):
        return refusal.reason, refusal.client_id
    return "issuer_unavailable", ""


def _quotable(text: str) -> str:
    return NOT_QUOTABLE.sub("'", text)


def _answer(status: int, name: str, message: str, headers: dict[str, str]) -> ASGIApp:
    """An error in the form of google.rpc.Status, as A2A's HTTP binding has it (section 11.6)."""
    body = {"error": {"code": status, "status": name, "message": message}}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **headers})
