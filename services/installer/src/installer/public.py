"""The place from the outside: its one public origin."""

import re
import ssl
import time
from pathlib import Path

import httpx
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from crossdock.auth.tokens import TokenSource
from crossdock.errors import ConfigError, TryLater
from crossdock.hosts import is_address
from installer import realm
from installer.customer import Customer

AGAIN = 0.2
LOCAL = ".localhost"
LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST_NAME = re.compile(rf"(?=.{{1,180}}\Z){LABEL}(?:\.{LABEL})*", re.ASCII)


class Origin(BaseSettings):
    """As the Compose file reads it from the same variables."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    public_host: str = Field("localhost", description="Host name at which callers reach the gateway.")
    https_port: int = Field(8443, ge=1, le=65535, description="Port of HTTPS there.")

    @field_validator("public_host")
    @classmethod
    def _a_host(cls, value: str) -> str:
        if is_address(value) or not HOST_NAME.fullmatch(value):
            raise ValueError("must be a host name, such as localhost; no address: gRPC is served at names below it")
        return value

    @property
    def url(self) -> str:
        return f"https://{self.public_host}:{self.https_port}"

    @property
    def certificate_names(self) -> set[str]:
        """gRPC is served by host name: one wildcard, so that a new name needs no new certificate."""
        return {"localhost", "127.0.0.1", self.public_host, f"*.grpc.{self.public_host}"}

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{realm.NAME}"

    def wait_for_card(self, authority: Path, customer: Customer, seconds: float) -> None:
        """Until the gateway serves the customer's card. Raises `ConfigError` after `seconds`."""
        url = f"{self.url}/agents/{customer.name}/.well-known/agent-card.json"
        deadline = time.monotonic() + seconds
        with httpx.Client(verify=_trusting(authority), timeout=5.0, trust_env=False) as http:
            while not _serves(http, url, customer.card):
                if time.monotonic() > deadline:
                    raise ConfigError(
                        f"{url} did not answer within {seconds:g} s. Look at the logs of {customer.host}."
                    )
                time.sleep(AGAIN)

    async def token(self, authority: Path, client_id: str, secret: str) -> str:
        """An access token of the client. Raises `ConfigError` that says why there is none."""
        return await access_token(self.issuer, authority, client_id, secret, "Start the system with `make up`.")


async def access_token(issuer: str, authority: Path, client_id: str, secret: str, remedy: str) -> str:
    """As the issuer gives it to the client; `authority` is believed beside the authorities that the machine knows.

    Raises `ConfigError`, which ends with the `remedy` if nobody answers.
    """
    trusting = _trusting(authority)
    dialled = _Loopback(verify=trusting) if httpx.URL(issuer).host.endswith(LOCAL) else None
    async with httpx.AsyncClient(verify=trusting, trust_env=False, transport=dialled) as http:
        source = TokenSource(http, issuer, client_id, lambda: secret)
        try:
            return await source.token()
        except TryLater:
            raise ConfigError(f"{issuer} gives no tokens now. {remedy}") from None
        finally:
            await source.close()


class _Loopback(httpx.AsyncHTTPTransport):
    """Names below .localhost are this machine (RFC 6761), but not every resolver knows."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


def _serves(http: httpx.Client, url: str, card: str) -> bool:
    try:
        answer = http.get(url)
        return answer.status_code == httpx.codes.OK and answer.json()["name"] == card
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def _trusting(authority: Path) -> ssl.SSLContext:
    trusting = ssl.create_default_context()
    try:
        trusting.load_verify_locations(authority)
        return trusting
    except OSError:
        raise ConfigError(
            f"There is no certificate authority at {authority}. Start the system with `make up`."
        ) from None
