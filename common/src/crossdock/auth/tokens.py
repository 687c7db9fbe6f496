"""Tokens for calling other agents: asked for by client credentials, kept, refreshed ahead of their expiry."""

import time
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote_plus

import httpx

from crossdock.auth.discovery import Answer, Issuer, IssuerDown, exchange
from crossdock.auth.refresh import Refresh
from crossdock.auth.verifier import LARGEST_TOKEN
from crossdock.errors import ConfigError, TryLater

LEAST_MARGIN = 30.0
DEFAULT_LIFETIME = 60.0
RENEWAL_INTERVAL = 10.0
"""A callee that refuses every token makes a source ask for new ones this often, in seconds, and not at every call."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A token with its times on the source's clock; `refused` once a callee would not have it."""

    token: str
    refresh_at: float
    expires_at: float
    refused: bool = False


class TokenSource:
    """Access tokens of one client. `secret` is called for each new token, so that a rotated secret is picked up.

    `audience` and `scope` are sent along where set. `clock` counts seconds and never goes back.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        issuer: str,
        client_id: str,
        secret: Callable[[], str],
        *,
        audience: str = "",
        scope: str = "",
        discovery_url: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._issuer = Issuer(issuer, discovery_url)
        self._client_id = client_id
        self._secret = secret
        self._form = {"grant_type": "client_credentials", "audience": audience, "scope": scope}
        self._clock = clock
        self._held: _Held | None = None
        self._renewed_at = float("-inf")
        self._refresh = Refresh(f"token of {client_id}", self._fetch, clock)

    async def token(self) -> str:
        """A token that is valid for a while.

        Raises `TryLater` while the issuer does not answer and `ConfigError` when it refuses the client, unless the
        token from before is still valid.
        """
        held = self._held
        if held is None or held.refused or self._clock() >= held.refresh_at:
            self._refresh.start()
        if held is None or held.refused or self._clock() >= held.expires_at:
            await self._refresh.join()
            held = self._held
        if held is None or self._clock() >= held.expires_at:
            raise self._failure()
        return held.token

    def invalidate(self, token: str) -> None:
        """Has `token`, which a callee refused, replaced; does nothing if another one is held already."""
        held = self._held
        if held and held.token == token and self._clock() - self._renewed_at >= RENEWAL_INTERVAL:
            self._renewed_at = self._clock()
            # Kept until there is another: it may still be good elsewhere, and the issuer may be down.
            self._held = replace(held, refused=True)

    async def close(self) -> None:
        await self._refresh.close()

    def _failure(self) -> Exception:
        error = self._refresh.error
        if isinstance(error, ConfigError):
            return ConfigError(str(error))
        text = "No access token can be had now, because the issuer does not answer. Try again in a while."
        return TryLater(text, retry_after=max(1.0, self._refresh.rest))

    async def _fetch(self) -> None:
        url = await self._issuer.endpoint(self._http, "token_endpoint")
        # RFC 6749, section 2.3.1: both are form-encoded first.
        auth = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._secret()))
        form = {name: value for name, value in self._form.items() if value}
        asked_at = self._clock()
        answer = await exchange(self._http, "POST", url, auth=auth, form=form)
        if answer.status != httpx.codes.OK:
            raise self._refused(url, answer)
        token, lifetime = _read(url, answer.body)
        margin = min(max(LEAST_MARGIN, 0.2 * lifetime), 0.5 * lifetime)
        self._held = _Held(token, asked_at + lifetime - margin, asked_at + lifetime)

    def _refused(self, url: str, answer: Answer) -> Exception:
        error = answer.body.get("error")
        if answer.status >= 500 or answer.status in {408, 425, 429} or not isinstance(error, str):
            return IssuerDown(f"{url} answers {answer.status}", answer.retry_after)
        advice = {
            "invalid_client": f"Check that the client {self._client_id} exists there and that its secret file is right",
            "unauthorized_client": f"Allow the client {self._client_id} the client credentials grant there",
            "invalid_scope": "Check the scope in the settings",
        }.get(error, "Check the client's settings there")
        return ConfigError(f"{self._issuer.name} gives {self._client_id} no token ({error!a:.60}). {advice}.")


def _read(url: str, body: Mapping[str, object]) -> tuple[str, float]:
    """The token and its lifetime in seconds."""
    token, kind, lifetime = body.get("access_token"), body.get("token_type"), body.get("expires_in", DEFAULT_LIFETIME)
    usable = isinstance(token, str) and token.isascii() and token.isprintable() and 0 < len(token) <= LARGEST_TOKEN
    if not usable or str(kind).lower() != "bearer":
        raise IssuerDown(f"{url} answers without a bearer token")
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not 0 < lifetime < 1e9:
        raise IssuerDown(f"{url} answers with a token that has no lifetime")
    return str(token), float(lifetime)


class Tokens(Protocol):
    """Where `BearerAuth` gets its tokens from; `invalidate` tells it of one that was refused."""

    async def token(self) -> str: ...

    def invalidate(self, token: str) -> None: ...


class GivenToken:
    """A token that somebody else got: there is no other when it is refused."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def invalidate(self, token: str) -> None:
        return


class BearerAuth(httpx.Auth):
    """Signs requests with the source's token; after a 401 once more, with a new one.

    The token goes to `origins` (scheme, host and port of these URLs) alone; requests to others leave without one.
    """

    def __init__(self, source: Tokens, origins: Collection[str]) -> None:
        self._source = source
        self._origins = frozenset(_origin(httpx.URL(url)) for url in origins)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if _origin(request.url) not in self._origins:
            yield request
            return
        token = await self._source.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        self._source.invalidate(token)
        renewed = await self._source.token()
        # A body that was streamed is gone; the next call has the new token.
        if renewed != token and isinstance(request.stream, httpx.ByteStream):
            request.headers["Authorization"] = f"Bearer {renewed}"
            yield request

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        raise RuntimeError("BearerAuth works with httpx.AsyncClient only.")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
