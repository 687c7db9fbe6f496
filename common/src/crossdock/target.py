"""Whom the `crossdock` command speaks to: the options that say it, and the connection that they make."""

import contextlib
import shlex
import ssl
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

from crossdock.auth.tokens import BearerAuth, GivenToken, Tokens, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.client.agent import AgentClient
from crossdock.client.pool import pooled_client
from crossdock.errors import ConfigError
from crossdock.profile import Profile
from crossdock.settings import read_secret

Customer = Annotated[str, typer.Option("--customer", "-c", envvar="CROSSDOCK_CUSTOMER", help="Whose orchestrator.")]
Url = Annotated[str, typer.Option("--url", envvar="CROSSDOCK_URL", help="Another A2A agent's base URL.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", envvar="CROSSDOCK_TOKEN_FILE", help="File with a bearer token.")
]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", envvar="CROSSDOCK_CA_FILE", help="Certificates to trust, if not the system's."),
]
Home = Annotated[
    Path,
    typer.Option("--home", envvar="CROSSDOCK_HOME", help="Profile to use; .crossdock/compose is that of `make up`."),
]


@dataclass(frozen=True)
class Target:
    """The common options: which agent, and with whose token."""

    customer: Customer = "acme"
    url: Url = ""
    token_file: TokenFile = None
    ca_file: CaFile = None
    home: Home = Path(".crossdock")

    def address(self) -> str:
        """Raises `ConfigError` for a URL that is none."""
        if not self.url:
            return Profile.read(self.home).access(self.customer).url
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError(f"{self.url!r} is not the URL of an agent. Give one such as http://127.0.0.1:8001.")
        return self.url

    def options(self) -> str:
        """What to type to mean the same target; nothing for the default."""
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default}
        return "".join(f" --{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in given.items())

    def trust(self) -> ssl.SSLContext | bool:
        """Whose certificates count: those given, else those of the profile if that is used, else the system's."""
        known = str(self.ca_file or "")
        if not known and not (self.url and self.token_file):
            with contextlib.suppress(ConfigError):  # who needs the profile says so when there is none
                known = Profile.read(self.home).ca_file
        try:
            return ssl.create_default_context(cafile=known) if known else True
        except OSError:
            raise ConfigError(f"There are no certificates in {known}. Give a --ca-file in PEM.") from None

    def tokens(self, http: httpx.AsyncClient) -> Tokens:
        if self.token_file:
            return GivenToken(_token_in(self.token_file))
        profile = Profile.read(self.home)
        access = profile.access(self.customer)
        return TokenSource(http, profile.issuer, access.client_id, lambda: read_secret(Path(access.secret_file)))


def _token_in(path: Path) -> str:
    advice = "Write a bearer token into it, such as `crossdock token` prints, or leave --token-file out."
    try:
        token = read_secret(path)
    except ConfigError as error:
        raise ConfigError(f"{error}. {advice}") from error
    if not token.isascii() or len(token.split()) > 1:
        raise ConfigError(f"What {path} holds is no bearer token. {advice}")
    return token


@dataclass
class Connection:
    """An open client of the target; use with `async with`."""

    target: Target

    async def __aenter__(self) -> AgentClient:
        self._http = pooled_client(self.target.trust())
        address = self.target.address()
        self._http.auth = BearerAuth(self.target.tokens(self._http), origins=[address])
        return AgentClient(address, self._http, CardCache(self._http))

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
