"""Who gets through the door, and what the others are told."""

import json
import re
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest
from a2a.auth.user import User
from a2a.server.context import ServerCallContext
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.authentication import BaseUser
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from crossdock.auth.claims import Principal
from crossdock.auth.jwks import KeySet
from crossdock.auth.middleware import AuthenticationMiddleware
from crossdock.auth.refusals import TokenRefused
from crossdock.auth.verifier import TokenVerifier
from tests.support.issuer import DevIssuer
from tests.unit.auth.clock import Clock

PUBLIC = ("/.well-known/agent-card.json", "/.well-known/agent.json")


async def whoever(request: Request) -> JSONResponse:
    user = request.user
    return JSONResponse({"name": user.display_name, "user_name": user.user_name, "known": user.is_authenticated})


@pytest.fixture
def rejections() -> list[str]:
    return []


@pytest.fixture
def door(verifier: TokenVerifier, rejections: list[str]) -> AuthenticationMiddleware:
    app = Starlette(routes=[Route("/{rest:path}", whoever, methods=["GET", "HEAD", "POST", "OPTIONS", "DELETE"])])
    return AuthenticationMiddleware(app, verifier, PUBLIC, rejections.append)


@pytest.fixture
async def caller(door: AuthenticationMiddleware) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://agent.test") as client:
        yield client


def challenge(response: httpx.Response) -> dict[str, str]:
    scheme, _, fields = response.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer"
    found = dict(re.findall(r'(\w+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"(?:, |$)', fields))
    assert fields == ", ".join(f'{name}="{value}"' for name, value in found.items())
    return found


async def test_the_card_is_public(caller: httpx.AsyncClient, issuer: DevIssuer) -> None:
    for path in PUBLIC:
        assert (await caller.get(path)).json() == {"name": "", "user_name": "", "known": False}
        assert (await caller.head(path)).status_code == 200
    assert not issuer.requests


async def test_a_token_opens_the_door(caller: httpx.AsyncClient, issuer: DevIssuer, rejections: list[str]) -> None:
    token = await issuer.token("acme-orchestrator")
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer  "):
        response = await caller.post("/", headers={"Authorization": f"{scheme} {token}"})
        assert response.json() == {"name": "acme", "user_name": "acme", "known": True}
    assert rejections == []


async def test_without_a_token_there_is_a_challenge_without_an_error(
    caller: httpx.AsyncClient, rejections: list[str]
) -> None:
    response = await caller.post("/", json={})
    assert response.status_code == 401
    assert challenge(response) == {"realm": "anomaly-agent"}
    error = response.json()["error"]
    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    assert "http://issuer.test" in error["message"]
    assert error["message"].count("client credentials") == 1
    assert response.headers["Cache-Control"] == "no-store"
    assert rejections == ["missing"]


async def test_a_bad_token_is_told_what_is_wrong(
    caller: httpx.AsyncClient, issuer: DevIssuer, rejections: list[str]
) -> None:
    token = await issuer.mint(claims={"exp": 1_700_000_000, "iat": None})
    response = await caller.get("/tasks", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    fields = challenge(response)
    assert fields["error"] == "invalid_token"
    assert "expired" in fields["error_description"]
    assert "http://issuer.test" in response.json()["error"]["message"]
    assert token not in response.text + str(response.headers)
    assert rejections == ["expired"]


async def test_a_missing_role_is_forbidden(caller: httpx.AsyncClient, issuer: DevIssuer, rejections: list[str]) -> None:
    token = await issuer.mint(claims={"realm_access": {"roles": []}})
    response = await caller.get("/tasks", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 403
    assert challenge(response)["error"] == "insufficient_scope"
    assert response.json()["error"]["status"] == "PERMISSION_DENIED"
    assert rejections == ["role"]


async def test_names_in_a_challenge_cannot_break_it(caller: httpx.AsyncClient, issuer: DevIssuer) -> None:
    azp = 'x", error="none\\"\r\nSet-Cookie: a=b é'
    token = await issuer.mint(claims={"realm_access": {"roles": []}, "azp": azp})
    response = await caller.get("/tasks", headers={"Authorization": f"Bearer {token}"})
    assert set(challenge(response)) == {"realm", "error", "error_description"}
    assert "Set-Cookie" not in response.headers


async def test_while_the_issuer_is_down_it_says_when_to_come_back(
    caller: httpx.AsyncClient, issuer: DevIssuer, rejections: list[str]
) -> None:
    token = await issuer.token("acme-orchestrator")
    issuer.down = True
    response = await caller.get("/tasks", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 503
    assert 1 <= int(response.headers["Retry-After"]) <= 30
    assert response.json()["error"]["status"] == "UNAVAILABLE"
    assert rejections == ["issuer_unavailable"]


@pytest.mark.parametrize("value", ["", "Basic YTpi", "Token abc", "a.b.c", "Digest x"])
async def test_other_schemes_count_as_no_token(caller: httpx.AsyncClient, value: str) -> None:
    response = await caller.get("/", headers={"Authorization": value})
    assert response.status_code == 401
    assert "error" not in challenge(response)


@pytest.mark.parametrize("value", ["Bearer", "Bearer a b", "Bearer a, Bearer b", "Bearer a,b", "Bearera", 'Bearer "a"'])
async def test_a_header_that_is_not_one_token(caller: httpx.AsyncClient, rejections: list[str], value: str) -> None:
    response = await caller.get("/", headers={"Authorization": value})
    assert response.status_code == 401
    assert challenge(response)["error"] == "invalid_token"
    assert rejections == ["malformed"]


async def test_two_headers_are_refused_even_if_each_is_good(
    caller: httpx.AsyncClient, issuer: DevIssuer, rejections: list[str]
) -> None:
    token = f"Bearer {await issuer.token('acme-orchestrator')}"
    for other in (token, "Basic YTpi", ""):
        for headers in ([token, other], [other, token]):
            response = await caller.get("/", headers=[("Authorization", value) for value in headers])
            assert response.status_code == 401
    assert set(rejections) == {"malformed"}


async def test_a_token_elsewhere_does_not_count(caller: httpx.AsyncClient, issuer: DevIssuer) -> None:
    token = await issuer.token("acme-orchestrator")
    elsewhere = {"X-Authorization": f"Bearer {token}", "Cookie": f"access_token={token}", "Proxy-Authorization": token}
    response = await caller.post("/", params={"access_token": token}, headers=elsewhere, data={"access_token": token})
    assert response.status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "CONNECT", "PROPFIND"])
async def test_public_paths_are_public_to_readers_only(caller: httpx.AsyncClient, method: str) -> None:
    request = httpx.Request(method, f"http://agent.test{PUBLIC[0]}")
    request.method = method
    assert (await caller.send(request)).status_code == 401


async def passes(door: AuthenticationMiddleware, path: str, raw: bytes | None) -> bool:
    """Whether a GET without a token gets through."""
    scope: Scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    if raw is not None:
        scope["raw_path"] = raw
    statuses: list[int] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    await door(scope, receive, send)
    return statuses[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        "//.well-known/agent-card.json",
        "/.well-known//agent-card.json",
        "/.well-known/agent-card.json/",
        "/.well-known/agent-card.json//",
        "/.well-known/agent-card%2ejson",
        "/.well-known/agent-card%2Ejson",
        "/%2ewell-known/agent-card.json",
        "/.well-known%2fagent-card.json",
        "/.well-known/%61gent-card.json",
        "/.WELL-KNOWN/agent-card.json",
        "/.well-known/Agent-Card.json",
        "/.well-known/agent-card.json;a=b",
        "/.well-known/agent-card.json%00",
        "/.well-known/agent-card.json%20",
        "/.well-known/agent-card.json%0a",
        "/.well-known/agent-card.json%3f",
        "/.well-known/agent-card.json%23",
        "/.well-known/../.well-known/agent-card.json",
        "/.well-known/./agent-card.json",
        "/.well-known/agent-card.json/../../tasks",
        "/tasks/../.well-known/agent-card.json",
        "/.well-known/agent-card.json/x",
        "/.well-known/agent-card.jso",
        "/.well-known/agent-card.jsonx",
        "/.well-known/agent-card",
        "/.well-known/",
        "/.well-known",
        "\\.well-known\\agent-card.json",
        "http://agent.test/.well-known/agent-card.json",
        ".well-known/agent-card.json",
        "*",
        "/",
        "",
    ],
)
async def test_other_spellings_of_a_public_path_are_not_public(door: AuthenticationMiddleware, raw: str) -> None:
    assert not await passes(door, httpx.URL(f"http://a.test{raw}").path if raw.startswith("/") else raw, raw.encode())


async def test_a_public_path_with_a_query_is_public(caller: httpx.AsyncClient) -> None:
    assert (await caller.get(f"{PUBLIC[0]}?a=b")).status_code == 200


async def test_a_server_that_sends_no_raw_path(door: AuthenticationMiddleware) -> None:
    assert await passes(door, PUBLIC[0], None)
    assert not await passes(door, f"{PUBLIC[0]}/", None)


class NoToken(TokenVerifier):
    """Passes nobody, at once."""

    def __init__(self) -> None:
        self.issuer, self.audience = "http://issuer.test", "anomaly-agent"

    async def verify(self, token: str) -> Principal:
        raise TokenRefused("signature", "no")


PIECES = [*"/.%;?#\\\0aA2eE", "//", "..", "%2e", "%2f", ".well-known", "agent-card.json", "agent.json", *PUBLIC]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.booleans())
@example(PUBLIC[0], True)
@example(PUBLIC[1], False)
async def test_exactly_the_public_paths_pass(path: str, as_sent: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({})(scope, receive, send)

    door = AuthenticationMiddleware(app, NoToken(), PUBLIC)
    assert await passes(door, path, path.encode() if as_sent else None) == (path in PUBLIC)


async def test_the_caller_is_a2as_user_and_starlettes(door: AuthenticationMiddleware, issuer: DevIssuer) -> None:
    token = await issuer.token("acme-orchestrator")
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        pass

    await door(scope, receive, send)
    user = scope["user"]
    assert {User, BaseUser} <= set(type(user).__mro__)
    assert ServerCallContext(user=user).user.user_name == "acme"
    assert user.principal.client_id == "acme-orchestrator"
    assert user.identity == user.principal.subject


async def test_websockets_are_closed_and_unknown_connections_refused(door: AuthenticationMiddleware) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    await door({"type": "websocket", "path": PUBLIC[0], "headers": []}, receive, send)
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]
    with pytest.raises(RuntimeError, match="webtransport"):
        await door({"type": "webtransport", "path": PUBLIC[0]}, receive, send)


async def test_the_lifespan_passes(verifier: TokenVerifier) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        pass

    await AuthenticationMiddleware(app, verifier)({"type": "lifespan"}, receive, send)
    assert seen == ["lifespan"]


async def test_refusals_are_logged_without_the_token(caller: httpx.AsyncClient, issuer: DevIssuer) -> None:
    tokens = [await issuer.mint(claims={"aud": "x"}), await issuer.mint(header={"kid": "x"}), "nonsense.but.secret"]
    with capture_logs() as lines:
        for token in tokens:
            await caller.get("/tasks/1", headers={"Authorization": f"Bearer {token}"})
    seen = [(line["event"], line["reason"], line["path"], line["client_id"]) for line in lines]
    assert seen == [
        ("request_refused", "audience", "/tasks/1", "acme-orchestrator"),
        ("request_refused", "unknown_key", "/tasks/1", ""),
        ("request_refused", "malformed", "/tasks/1", ""),
    ]
    for token in tokens:
        assert token.split(".")[1] not in json.dumps(lines)


async def test_a_rotation_is_not_noticed_by_callers(
    caller: httpx.AsyncClient, issuer: DevIssuer, keys: KeySet, clock: Clock
) -> None:
    for _ in range(3):
        for token in (await issuer.token("acme-orchestrator"), await issuer.token("globex-orchestrator")):
            response = await caller.get("/", headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 200
        await issuer.rotate()
        clock.now += 10
