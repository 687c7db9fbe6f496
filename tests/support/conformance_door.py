"""What stands before the conformance agent: public suites have no token of ours, and HTTP+JSON has a path of its own.

The product behind it checks a token with each request, as it always does: this door lends one.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.server.grpc_door import AuthenticationInterceptor

REST_PATH = "/a2a/rest"


class Door:
    """Lends a token of ours to whoever comes, or with `secret` only to those who bring that one as bearer token."""

    def __init__(self, app: ASGIApp, token: Callable[[], Awaitable[str]], secret: str = "") -> None:
        self._app = app
        self._token = token
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": await self._headers(scope["headers"])}
        await self._app(scope, receive, send)

    async def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        brought = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
        lent = await self.lent(brought)
        if lent is None:
            return headers
        others = [(name, value) for name, value in headers if name != b"authorization"]
        return [*others, (b"authorization", lent.encode())]

    async def lent(self, brought: list[str]) -> str | None:
        """The credentials in the place of those that were brought; None leaves them as they are."""
        expected = f"Bearer {self._secret}"
        if self._secret and not (len(brought) == 1 and hmac.compare_digest(brought[0].encode(), expected.encode())):
            return None
        return f"Bearer {await self._token()}"


@dataclass(frozen=True)
class _Call:
    """What an interceptor knows of a call."""

    method: str
    invocation_metadata: list[tuple[str, str]]


class GrpcDoor(AuthenticationInterceptor):
    """The same before the product's interceptor."""

    def __init__(self, inner: AuthenticationInterceptor, door: Door) -> None:
        self._inner = inner
        self._door = door

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        metadata = list(handler_call_details.invocation_metadata)
        lent = await self._door.lent([value for name, value in metadata if name == "authorization"])
        if lent is not None:
            metadata = [
                *((name, value) for name, value in metadata if name != "authorization"),
                ("authorization", lent),
            ]

        async def served(_: Any) -> Any:
            return await continuation(handler_call_details)  # gRPC takes its own object only

        return await self._inner.intercept_service(served, _Call(handler_call_details.method, metadata))  # type: ignore[arg-type] # only read


class RestPath:
    """Serves all that `app` has below `REST_PATH` as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(f"{REST_PATH}/"):
            raw = scope.get("raw_path") or scope["path"].encode()
            scope = {
                **scope,
                "path": scope["path"].removeprefix(REST_PATH),
                "raw_path": raw.removeprefix(REST_PATH.encode()),
            }
        await self._app(scope, receive, send)
