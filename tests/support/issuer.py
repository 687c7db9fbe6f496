"""The development issuer inside the test's process: its app, tokens good and bad, and its outages."""

import asyncio
import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.auth.dev_clients import provision, read_clients
from crossdock.auth.dev_grants import access_claims
from crossdock.auth.dev_issuer import IssuerSettings, create_issuer_app
from crossdock.auth.dev_keyring import Keyring
from crossdock.auth.jws import SigningKey

AGENTS: Mapping[str, Sequence[str]] = {
    "anomaly": ("detect_anomalies", "validate_records"),
    "contract": ("find_contract", "answer_question", "add_contract"),
    "escalation": ("draft_escalation",),
}


@functools.cache
def signing_key(number: int) -> SigningKey:
    """RSA keys take a while to make: each number is one key for the whole test run."""
    return SigningKey.generate()


class DevIssuer:
    """`folder` gets the clients and their secrets, as `provision` makes them for `customers` and `agents`.

    `requests` counts the requests by path. With `down` every connection fails; `gate`, where set, holds answers back
    until it is; `replaced` are answers by path, instead of the issuer's own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        url: str = "http://issuer.test",
        customers: Iterable[str] = ("acme", "globex"),
        agents: Mapping[str, Sequence[str]] = AGENTS,
        lifetime: float = 300.0,
        clock: Callable[[], float] = time,
    ) -> None:
        self.url = url
        self.folder = folder
        self.clients = {client.client_id: client for client in read_clients(provision(folder, customers, agents))}
        self.requests: Counter[str] = Counter()
        self.down = False
        self.gate: asyncio.Event | None = None
        self.replaced: dict[str, ASGIApp] = {}
        self._lifetime = lifetime
        self._clock = clock
        self.keyring = Keyring(generate=functools.partial(_next_key, itertools.count()), clock=clock)
        self.app: Starlette = create_issuer_app(
            IssuerSettings(
                url=url, clients=tuple(self.clients.values()), lifetime=lifetime, keyring=self.keyring, clock=clock
            )
        )
        self.transport: httpx.AsyncBaseTransport = _Line(self)

    def http(self, **options: Any) -> httpx.AsyncClient:
        """A client whose every request goes to this issuer."""
        return httpx.AsyncClient(transport=self.transport, **options)

    def secret(self, client_id: str) -> str:
        return self.clients[client_id].current_secret()

    async def token(self, client_id: str) -> str:
        """What the token endpoint gives to the client."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=self.url) as http:
            answer = await http.post(
                "/token",
                data={"grant_type": "client_credentials"},
                auth=(client_id, self.secret(client_id)),
            )
        return str(answer.raise_for_status().json()["access_token"])

    async def mint(
        self,
        client_id: str = "acme-orchestrator",
        *,
        claims: Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
        key: SigningKey | None = None,
    ) -> str:
        """A signed token of the client with some claims or header fields replaced; the claim None is left out."""
        whole = access_claims(self.clients[client_id], self.url, self._clock(), self._lifetime) | dict(claims or {})
        key = key or await self.keyring.current()
        return key.sign({name: value for name, value in whole.items() if value is not None}, header)

    async def rotate(self) -> SigningKey:
        return await self.keyring.rotate()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app behind `transport`."""
        self.requests[scope["path"]] += 1
        if self.gate is not None:
            await self.gate.wait()
        await self.replaced.get(scope["path"], self.app)(scope, receive, send)


def _next_key(numbers: Iterable[int]) -> SigningKey:
    return signing_key(next(iter(numbers)))


class _Line(httpx.AsyncBaseTransport):
    """The line to the issuer, which can be cut."""

    def __init__(self, issuer: DevIssuer) -> None:
        self._issuer = issuer
        self._inner = httpx.ASGITransport(issuer.answer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._issuer.down:
            raise httpx.ConnectError("the line is cut", request=request)
        return await self._inner.handle_async_request(request)
