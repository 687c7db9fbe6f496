"""Short JSON conversations with the OIDC issuer, and where it says its endpoints are."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from crossdock.errors import Waiting

WELL_KNOWN = "/.well-known/openid-configuration"
SECONDS = 5.0
LARGEST_ANSWER = 256 * 1024


class IssuerDown(Waiting):
    """No answer, or none that makes sense. The text is for the operator; `retry_after` is what the issuer asked for."""


@dataclass(frozen=True)
class Answer:
    """`body` is empty where the issuer sent no JSON object."""

    status: int
    body: Mapping[str, Any]
    retry_after: float = 0.0


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    auth: httpx.BasicAuth | None = None,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """One request, without redirects, at most `SECONDS` long in all. Raises `IssuerDown`."""
    # Without compression the limit on the bytes read is one on memory too.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        async with (
            asyncio.timeout(SECONDS),
            http.stream(method, url, headers=headers, data=form, auth=auth, follow_redirects=False) as response,
        ):
            return Answer(response.status_code, _object(await _read(response)), _retry_after(response))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise IssuerDown(f"{url} does not answer ({type(error).__name__})") from error


async def _read(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise IssuerDown(f"{response.url} answers compressed although asked not to")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise IssuerDown(f"{response.url} answers more than {LARGEST_ANSWER // 1024} KiB")
    return bytes(content)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0


async def fetch(http: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    """The JSON object at `url`. Raises `IssuerDown`."""
    answer = await exchange(http, "GET", url)
    if answer.status != httpx.codes.OK or not answer.body:
        raise IssuerDown(f"{url} answers {answer.status} without a JSON object", answer.retry_after)
    return answer.body


@dataclass(frozen=True)
class Issuer:
    """`name` is the `iss` of its tokens. `discovery_url` is set where it is reached under another address than that,
    as a Keycloak inside the cluster is."""

    name: str
    discovery_url: str = ""

    async def endpoint(self, http: httpx.AsyncClient, field: str) -> str:
        """The URL that the discovery document has under `field`. Raises `IssuerDown`."""
        source = self.discovery_url or self.name.rstrip("/") + WELL_KNOWN
        document = await fetch(http, source)
        if document.get("issuer") != self.name:
            raise IssuerDown(f"{source} belongs to the issuer {document.get('issuer')!a:.200}, not to {self.name}")
        return _endpoint(document.get(field), field, source)


def _endpoint(value: object, field: str, source: str) -> str:
    schemes = {"https"} if source.startswith("https:") else {"http", "https"}
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in schemes or not parts.hostname:
        raise IssuerDown(f"{source} has no usable `{field}`; its scheme must be one of: {', '.join(sorted(schemes))}")
    return str(value)
