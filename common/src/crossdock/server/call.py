"""One request as our request handler and the bindings share it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from a2a.compat.v0_3.extension_headers import LEGACY_HTTP_EXTENSION_HEADER
from a2a.extensions.common import HTTP_EXTENSION_HEADER, get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.utils.errors import InvalidParamsError
from starlette.types import Scope

CALL = "crossdock.call"
VERSION_HEADER = "A2A-Version"
EXTENSION_HEADERS = (HTTP_EXTENSION_HEADER.lower(), LEGACY_HTTP_EXTENSION_HEADER.lower())


@dataclass
class Call:
    """`status`, where set, is the HTTP status even of what JSON-RPC would answer with 200; `headers` are added.

    `numbers` are those of the next events; `more` says that another one is there already. `values` gives all that came
    as the header of a name in lower case.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    more: bool = False
    values: Callable[[str], list[str]] = lambda _: []


class Head:
    """An HTTP request's head, read once. `headers` holds the first value of each name, in lower case, but no token."""

    __slots__ = ("extensions", "headers", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        raw = scope["headers"]
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(raw) if name != b"authorization"
        }
        self.extensions = requested_extensions(self._values)

    def _values(self, name: str) -> list[str]:
        if name not in self.headers:
            return []
        wanted = name.encode("latin-1")
        return [value.decode("latin-1") for given, value in self.scope["headers"] if given == wanted]

    @property
    def version(self) -> str | None:
        """What the header says, or else the query. Raises `InvalidParamsError` where the header came more than once."""
        asked = once(VERSION_HEADER.lower(), self._values(VERSION_HEADER.lower()))
        if asked or not self.scope["query_string"]:
            return asked
        query: str = self.scope["query_string"].decode("latin-1")
        return parse_qs(query).get(VERSION_HEADER, [None])[-1]

    def call(self, extensions: Collection[str]) -> Call:
        """Its answer tells which of the agent's extensions the caller activated (topics/extensions)."""
        told = extension_header(self.extensions.intersection(extensions)) if self.extensions else {}
        return Call(headers=told, values=self._values)

    def context(self, call: Call, tenant: str) -> ServerCallContext:
        """Hands the authenticated caller and the `Call` to the request handler."""
        return ServerCallContext(
            user=self.scope["user"],
            tenant=tenant,
            state={"headers": self.headers, CALL: call},
            requested_extensions=self.extensions,
        )


def single(context: ServerCallContext, name: str) -> str | None:
    """The header's value, by its name in lower case. Raises `InvalidParamsError` where it came more than once."""
    call: Call = context.state[CALL]
    return once(name, call.values(name))


def once(name: str, values: Sequence[str]) -> str | None:
    """The one value of a header, if it came. Raises `InvalidParamsError` where it came more than once."""
    if len(values) > 1:
        raise InvalidParamsError(f"The header {name} came more than once. Send it once, with one value.")
    return values[0] if values else None


def extension_header(activated: Collection[str]) -> dict[str, str]:
    return {HTTP_EXTENSION_HEADER: ", ".join(sorted(activated))} if activated else {}


def requested_extensions(values: Callable[[str], list[str]]) -> set[str]:
    """What the caller activates; `values` gives those of a header, by its name in lower case."""
    return get_requested_extensions([value for name in EXTENSION_HEADERS for value in values(name)])
