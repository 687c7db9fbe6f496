"""One request as our request handler and the bindings share it."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from a2a.compat.v0_3.extension_headers import LEGACY_HTTP_EXTENSION_HEADER
from a2a.extensions.common import HTTP_EXTENSION_HEADER, get_requested_extensions
from a2a.server.context import ServerCallContext
from starlette.requests import Request

CALL = "crossdock.call"


@dataclass
class Call:
    """`status`, where set, is the HTTP status even of what JSON-RPC would answer with 200; `headers` are added.

    `numbers` are those of the next events.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    numbers: deque[int] = field(default_factory=deque)


def call_context(request: Request, call: Call, tenant: str) -> ServerCallContext:
    """Hands the authenticated caller and the `Call` to the request handler."""
    return ServerCallContext(
        user=request.scope["user"],
        tenant=tenant,
        state={"headers": dict(request.headers), CALL: call},
        requested_extensions=_requested(request),
    )


def activated(request: Request, extensions: Collection[str]) -> dict[str, str]:
    """The header that tells which of the agent's extensions the caller activated (topics/extensions)."""
    return extension_header(_requested(request).intersection(extensions))


def extension_header(activated: Collection[str]) -> dict[str, str]:
    return {HTTP_EXTENSION_HEADER: ", ".join(sorted(activated))} if activated else {}


def requested_extensions(values: Callable[[str], list[str]]) -> set[str]:
    """What the caller activates; `values` gives those of a header."""
    names = (HTTP_EXTENSION_HEADER, LEGACY_HTTP_EXTENSION_HEADER)
    return get_requested_extensions([value for name in names for value in values(name)])


def _requested(request: Request) -> set[str]:
    return requested_extensions(request.headers.getlist)
