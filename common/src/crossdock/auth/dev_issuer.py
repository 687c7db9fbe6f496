"""An OIDC issuer for development: discovery, keys and client credentials. Never for production.

    python -m crossdock.auth.dev_issuer --port 8009 --clients clients.json

It gives the tokens that Keycloak gives in production, so that nothing else differs between the two.
"""

import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from crossdock.auth.dev_clients import DevClient, read_clients
from crossdock.auth.dev_grants import (
    SCOPES,
    GrantRefused,
    access_claims,
    authenticate,
    check_grant,
    credentials,
    read_form,
)
from crossdock.auth.dev_keyring import Keyring
from crossdock.auth.discovery import WELL_KNOWN
from crossdock.errors import ConfigError

log = structlog.get_logger(__name__)

JWKS_PATH = "/jwks"
TOKEN_PATH = "/token"  # noqa: S105 - a path
LARGEST_FORM = 16 * 1024
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, kw_only=True)
class IssuerSettings:
    """`url` is the `iss` of all tokens; `lifetime` is theirs in seconds; `rotation` serves `POST /rotate`."""

    url: str
    clients: tuple[DevClient, ...]
    lifetime: float = 300.0
    rotation: bool = False
    keyring: Keyring = field(default_factory=Keyring)
    clock: Callable[[], float] = field(default=time.time)


def create_issuer_app(settings: IssuerSettings) -> Starlette:
    pages = _Pages(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await settings.keyring.current()
        yield

    routes = [
        Route(WELL_KNOWN, pages.discovery),
        Route(JWKS_PATH, pages.jwks),
        Route(TOKEN_PATH, pages.token, methods=["POST"]),
        Route("/healthz", pages.healthz),
    ]
    if settings.rotation:
        routes.append(Route("/rotate", pages.rotate, methods=["POST"]))
    return Starlette(routes=routes, lifespan=lifespan)


class _Pages:
    def __init__(self, settings: IssuerSettings) -> None:
        self._settings = settings
        self._keyring = settings.keyring
        self._clients = {client.client_id: client for client in settings.clients}

    async def discovery(self, _: Request) -> Response:
        return JSONResponse(_discovery(self._settings.url))

    async def jwks(self, _: Request) -> Response:
        return JSONResponse(await self._keyring.jwks())

    async def healthz(self, _: Request) -> Response:
        await self._keyring.current()
        return PlainTextResponse("ok")

    async def token(self, request: Request) -> Response:
        try:
            form = read_form(await _body(request))
            client = authenticate(self._clients, *credentials(request.headers.get("Authorization"), form))
            scope = check_grant(form)
        except GrantRefused as refusal:
            return _refusal(refusal)
        return JSONResponse(await self._grant(client, scope), headers=NO_STORE)

    async def _grant(self, client: DevClient, scope: str) -> Mapping[str, Any]:
        lifetime = self._settings.lifetime
        claims = access_claims(client, self._settings.url, self._settings.clock(), lifetime)
        key = await self._keyring.current()
        log.info("token_issued", client_id=client.client_id, customer=client.customer)
        return {
            "access_token": key.sign(claims),
            "token_type": "Bearer",
            "expires_in": int(lifetime),
            "scope": scope,
        }

    async def rotate(self, request: Request) -> Response:
        if request.client is None or not is_loopback(request.client.host):
            return PlainTextResponse("Keys are rotated from this machine only.", 403)
        key = await self._keyring.rotate()
        log.info("keys_rotated", kid=key.kid)
        return JSONResponse({"kid": key.kid})


def _discovery(url: str) -> Mapping[str, Any]:
    return {
        "issuer": url,
        "jwks_uri": f"{url}{JWKS_PATH}",
        "token_endpoint": f"{url}{TOKEN_PATH}",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "scopes_supported": sorted(SCOPES),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


async def _body(request: Request) -> bytes:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise GrantRefused("invalid_request", "The body must be application/x-www-form-urlencoded.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise GrantRefused("invalid_request", "The body is too long.")
    return bytes(body)


def _refusal(refusal: GrantRefused) -> Response:
    log.warning("token_refused", error=refusal.code)
    body = {"error": refusal.code, "error_description": str(refusal)}
    if refusal.code == "invalid_client":
        return JSONResponse(body, 401, headers={**NO_STORE, "WWW-Authenticate": 'Basic realm="dev-issuer"'})
    return JSONResponse(body, 400, headers=NO_STORE)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    clients: Annotated[Path, typer.Option(help="YAML or JSON file with the clients.")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8009,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    url: Annotated[str, typer.Option(help="The issuer's name in tokens; by default http://HOST:PORT.")] = "",
    lifetime: Annotated[int, typer.Option(min=5, help="Seconds that a token is valid.")] = 300,
    key_file: Annotated[Path | None, typer.Option(help="Keeps the keys across restarts.")] = None,
    rotation: Annotated[bool, typer.Option(help="Serve POST /rotate, for this machine only.")] = False,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Listen on other than loopback.")] = False,
) -> None:
    """An OIDC token issuer FOR DEVELOPMENT ONLY. In production use Keycloak or another OIDC issuer."""
    if not (allow_remote or is_loopback(host)):
        _stop(f"{host} can be reached from elsewhere, and this issuer is for development only. Use 127.0.0.1.")
    name = (url or f"http://{host}:{port}").rstrip("/")
    try:
        known = read_clients(clients)
        keyring = Keyring(key_file)
        keyring.prepare()
    except ConfigError as error:
        _stop(str(error))
    typer.echo(f"Development token issuer at {name}: for development only, never for production.", err=True)
    app = create_issuer_app(
        IssuerSettings(url=name, clients=known, lifetime=lifetime, rotation=rotation, keyring=keyring)
    )
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)


def _stop(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(serve)
