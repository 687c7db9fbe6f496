"""Getting tokens seldom enough and early enough, and sending them to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from crossdock.auth.discovery import WELL_KNOWN
from crossdock.auth.private_file import write_private
from crossdock.auth.tokens import BearerAuth, GivenToken, TokenSource
from crossdock.errors import ConfigError, TryLater
from tests.support.issuer import DevIssuer
from tests.unit.auth.clock import Clock

CLIENT = "acme-orchestrator"


@pytest.fixture
async def source(http: httpx.AsyncClient, issuer: DevIssuer, clock: Clock) -> AsyncIterator[TokenSource]:
    """Tokens live for 300 s and are refreshed 60 s ahead."""
    tokens = TokenSource(http, issuer.url, CLIENT, lambda: issuer.secret(CLIENT), clock=clock)
    yield tokens
    await tokens.close()


async def settled(source: TokenSource) -> None:
    await source._refresh.join()


async def test_a_token_is_kept_until_shortly_before_its_end(
    source: TokenSource, issuer: DevIssuer, clock: Clock
) -> None:
    first = await source.token()
    clock.now += 239
    assert await source.token() == first
    assert issuer.requests["/token"] == 1
    clock.now += 1
    issuer.gate = asyncio.Event()
    assert await source.token() == first, "nobody waits while the old one is good"
    issuer.gate.set()
    await settled(source)
    assert await source.token() != first
    assert issuer.requests["/token"] == 2


async def test_a_hundred_callers_are_one_request(source: TokenSource, issuer: DevIssuer) -> None:
    tokens = await asyncio.gather(*(source.token() for _ in range(100)))
    assert len(set(tokens)) == 1
    assert issuer.requests["/token"] == 1


async def test_a_token_that_is_good_outlives_the_issuer(source: TokenSource, issuer: DevIssuer, clock: Clock) -> None:
    token = await source.token()
    issuer.down = True
    clock.now += 299
    assert await source.token() == token
    clock.now += 1
    with pytest.raises(TryLater, match="issuer"):
        await source.token()
    issuer.down = False
    clock.now += 30
    assert await source.token() != token


async def test_an_issuer_that_is_down_is_not_asked_by_every_call(
    source: TokenSource, issuer: DevIssuer, clock: Clock
) -> None:
    issuer.replaced["/token"] = PlainTextResponse("", 503)
    for _ in range(60):
        with pytest.raises(TryLater) as caught:
            await source.token()
        assert caught.value.retry_after >= 1
        clock.now += 1
    assert 12 <= issuer.requests["/token"] <= 24


async def test_an_issuer_that_is_back_is_soon_asked_again(source: TokenSource, issuer: DevIssuer, clock: Clock) -> None:
    """However long it was away: all that starts with it waits for this."""
    issuer.down = True
    for _ in range(120):
        with pytest.raises(TryLater):
            await source.token()
        clock.now += 1
    issuer.down = False
    clock.now += 4
    assert await source.token()


async def test_an_issuer_that_is_busy_says_when_to_come_back(
    source: TokenSource, issuer: DevIssuer, clock: Clock
) -> None:
    issuer.replaced["/token"] = JSONResponse({"error": "slow_down"}, 429, headers={"Retry-After": "20"})
    with pytest.raises(TryLater) as caught:
        await source.token()
    assert caught.value.retry_after == pytest.approx(20)
    issuer.replaced.clear()
    clock.now += 19
    with pytest.raises(TryLater):
        await source.token()
    clock.now += 1
    assert await source.token()


async def test_a_short_token_is_used_for_half_its_life(http: httpx.AsyncClient, tmp_path: Path, clock: Clock) -> None:
    short = DevIssuer(tmp_path / "short", lifetime=20, clock=clock)
    async with short.http() as line:
        source = TokenSource(line, short.url, CLIENT, lambda: short.secret(CLIENT), clock=clock)
        first = await source.token()
        clock.now += 9
        assert await source.token() == first
        await settled(source)
        assert short.requests["/token"] == 1
        clock.now += 1
        await source.token()
        await settled(source)
        assert short.requests["/token"] == 2


async def test_a_rotated_secret_is_picked_up(http: httpx.AsyncClient, issuer: DevIssuer, clock: Clock) -> None:
    path = issuer.folder / "secrets" / CLIENT
    source = TokenSource(http, issuer.url, CLIENT, lambda: path.read_text().strip(), clock=clock)
    first = await source.token()
    write_private(path, "another secret, with %, + and ü\n")
    clock.now += 300
    assert await source.token() != first


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("invalid_client", "secret file"),
        ("unauthorized_client", "client credentials grant"),
        ("invalid_scope", "scope"),
        ("access_denied", "settings"),
    ],
)
async def test_a_client_that_the_issuer_refuses(
    source: TokenSource, issuer: DevIssuer, clock: Clock, error: str, advice: str
) -> None:
    issuer.replaced["/token"] = JSONResponse({"error": error, "error_description": "internals"}, 401)
    for _ in range(10):
        with pytest.raises(ConfigError, match=advice) as caught:
            await source.token()
    assert CLIENT in str(caught.value)
    assert error in str(caught.value)
    assert "internals" not in str(caught.value)
    assert issuer.secret(CLIENT) not in str(caught.value)
    assert issuer.requests["/token"] == 1
    issuer.replaced.clear()
    clock.now += 1
    assert await source.token()


async def test_a_wrong_secret(http: httpx.AsyncClient, issuer: DevIssuer, clock: Clock) -> None:
    source = TokenSource(http, issuer.url, CLIENT, lambda: "wrong-secret", clock=clock)
    with pytest.raises(ConfigError, match="secret file") as caught:
        await source.token()
    assert "wrong-secret" not in str(caught.value)


async def test_a_secret_file_that_is_missing(http: httpx.AsyncClient, issuer: DevIssuer, clock: Clock) -> None:
    def missing() -> str:
        raise ConfigError("Cannot read the secret file /run/secrets/x: No such file or directory")

    source = TokenSource(http, issuer.url, CLIENT, missing, clock=clock)
    with pytest.raises(ConfigError, match="/run/secrets/x"):
        await source.token()


GRANT = {"access_token": "abc", "token_type": "Bearer", "expires_in": 300}


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("<html>"),
        JSONResponse([GRANT]),
        JSONResponse({}),
        JSONResponse(GRANT | {"access_token": ""}),
        JSONResponse(GRANT | {"access_token": None}),
        JSONResponse(GRANT | {"access_token": "a\r\nb"}),
        JSONResponse(GRANT | {"access_token": "é"}),
        JSONResponse(GRANT | {"access_token": "x" * 20_000}),
        JSONResponse(GRANT | {"token_type": "DPoP"}),
        JSONResponse(GRANT | {"token_type": None}),
        JSONResponse(GRANT | {"expires_in": 0}),
        JSONResponse(GRANT | {"expires_in": "300"}),
        JSONResponse(GRANT | {"expires_in": True}),
        JSONResponse(GRANT | {"expires_in": 1e300}),
        JSONResponse({"error": {"code": 1}}, 400),
        RedirectResponse("http://evil.test/token", 307),
        RedirectResponse("http://evil.test/token", 302),
    ],
)
async def test_answers_that_hold_no_token(source: TokenSource, issuer: DevIssuer, clock: Clock, answer: Any) -> None:
    issuer.replaced["/token"] = answer
    with pytest.raises(TryLater):
        await source.token()
    assert issuer.requests["/token"] == 1
    issuer.replaced.clear()
    clock.now += 1
    assert await source.token()


async def test_a_token_without_a_lifetime_is_kept_for_a_minute(
    source: TokenSource, issuer: DevIssuer, clock: Clock
) -> None:
    issuer.replaced["/token"] = JSONResponse({"access_token": "abc", "token_type": "bearer"})
    assert await source.token() == "abc"
    clock.now += 29
    await source.token()
    assert issuer.requests["/token"] == 1


async def test_audience_and_scope_are_sent_where_they_are_set(
    http: httpx.AsyncClient, issuer: DevIssuer, clock: Clock
) -> None:
    forms: list[dict[str, Any]] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        forms.append(dict(parse_qsl((await Request(scope, receive).body()).decode())))
        await JSONResponse(GRANT)(scope, receive, send)

    issuer.replaced["/token"] = note
    await TokenSource(http, issuer.url, CLIENT, lambda: "s", clock=clock).token()
    await TokenSource(http, issuer.url, CLIENT, lambda: "s", audience="a", scope="b c", clock=clock).token()
    assert forms == [
        {"grant_type": "client_credentials"},
        {"grant_type": "client_credentials", "audience": "a", "scope": "b c"},
    ]


async def test_a_refused_token_is_replaced_once(source: TokenSource, issuer: DevIssuer, clock: Clock) -> None:
    first = await source.token()
    for _ in range(20):
        source.invalidate(first)
    second = await source.token()
    assert second != first
    source.invalidate(first)
    assert await source.token() == second
    source.invalidate(second)
    assert await source.token() == second, "a callee that refuses all tokens does not make the source ask each time"
    clock.now += 10
    source.invalidate(second)
    assert await source.token() != second
    assert issuer.requests["/token"] == 3


async def test_a_refused_token_is_kept_while_there_is_no_other(source: TokenSource, issuer: DevIssuer) -> None:
    token = await source.token()
    issuer.down = True
    source.invalidate(token)
    assert await source.token() == token


@dataclass
class Callee:
    """An agent that accepts some tokens; `seen` are the Authorization headers that reached it."""

    accepted: set[str] = field(default_factory=set)
    seen: list[str | None] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    redirect: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.bodies.append(await request.body())
        self.seen.append(request.headers.get("authorization"))
        response: Response = JSONResponse({}, 200 if self.seen[-1] in self.accepted else 401)
        if self.redirect:
            response = RedirectResponse(self.redirect, 307)
        await response(scope, receive, send)


@pytest.fixture
def callee() -> Callee:
    return Callee()


@pytest.fixture
async def caller(source: TokenSource, callee: Callee) -> AsyncIterator[httpx.AsyncClient]:
    auth = BearerAuth(source, ["http://agent.test:8002/rpc"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(callee), auth=auth) as client:
        yield client


async def test_calls_carry_the_token(caller: httpx.AsyncClient, callee: Callee, source: TokenSource) -> None:
    callee.accepted = {f"Bearer {await source.token()}"}
    for url in ("http://agent.test:8002/", "http://AGENT.test:8002/tasks?x=1"):
        assert (await caller.post(url, json={"a": 1})).status_code == 200


async def test_a_401_is_tried_once_more_with_a_new_token(
    caller: httpx.AsyncClient, callee: Callee, source: TokenSource
) -> None:
    first = await source.token()
    response = await caller.post("http://agent.test:8002/", json={"a": 1})
    assert response.status_code == 401
    assert len(callee.seen) == 2
    assert callee.seen[0] == f"Bearer {first}" != callee.seen[1]
    assert callee.bodies == [b'{"a":1}'] * 2


async def test_a_callee_that_refuses_every_token_is_not_asked_twice_each_time(
    caller: httpx.AsyncClient, callee: Callee, issuer: DevIssuer
) -> None:
    for _ in range(5):
        assert (await caller.get("http://agent.test:8002/")).status_code == 401
    assert len(callee.seen) == 6
    assert issuer.requests["/token"] == 2


async def test_after_a_restart_of_the_issuer_calls_go_on(
    caller: httpx.AsyncClient, callee: Callee, source: TokenSource, issuer: DevIssuer
) -> None:
    await source.token()
    grant = GRANT | {"access_token": "new"}
    issuer.replaced["/token"] = JSONResponse(grant)
    callee.accepted = {"Bearer new"}
    assert (await caller.get("http://agent.test:8002/")).status_code == 200


async def test_many_calls_that_are_refused_ask_for_one_new_token(
    caller: httpx.AsyncClient, callee: Callee, source: TokenSource, issuer: DevIssuer
) -> None:
    await source.token()
    issuer.replaced["/token"] = JSONResponse(GRANT | {"access_token": "new"})
    callee.accepted = {"Bearer new"}
    responses = await asyncio.gather(*(caller.get("http://agent.test:8002/") for _ in range(30)))
    assert {response.status_code for response in responses} == {200}
    assert issuer.requests["/token"] == 2


async def test_a_streamed_body_is_not_sent_twice(caller: httpx.AsyncClient, callee: Callee) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"once"

    assert (await caller.post("http://agent.test:8002/", content=body())).status_code == 401
    assert callee.bodies == [b"once"]


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.test/",
        "http://agent.test:8003/",
        "https://agent.test:8002/",
        "http://agent.test.evil.test:8002/",
        "http://evil.test:8002/",
        "http://agent.test:8002@evil.test/",
        "http://127.0.0.1:8002/",
    ],
)
async def test_nobody_else_gets_the_token(
    caller: httpx.AsyncClient, callee: Callee, issuer: DevIssuer, url: str
) -> None:
    assert (await caller.get(url)).status_code == 401
    assert [value for value in callee.seen if value and value.startswith("Bearer")] == []
    assert not issuer.requests


async def test_a_default_port_is_the_same_origin_with_and_without_it(source: TokenSource, callee: Callee) -> None:
    auth = BearerAuth(source, ["https://agent.test"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(callee), auth=auth) as client:
        await client.get("https://agent.test:443/")
    assert all(callee.seen)


async def test_a_redirect_elsewhere_takes_no_token_along(
    caller: httpx.AsyncClient, callee: Callee, source: TokenSource
) -> None:
    await source.token()
    callee.redirect = "http://evil.test/"
    with pytest.raises(httpx.TooManyRedirects):
        await caller.get("http://agent.test:8002/", follow_redirects=True)
    assert callee.seen[0]
    assert set(callee.seen[1:]) == {None}


async def test_without_a_token_the_call_is_not_made(
    caller: httpx.AsyncClient, callee: Callee, issuer: DevIssuer
) -> None:
    issuer.down = True
    with pytest.raises(TryLater):
        await caller.get("http://agent.test:8002/")
    assert callee.seen == []


def test_a_synchronous_client_is_told_so(source: TokenSource) -> None:
    with (
        httpx.Client(auth=BearerAuth(source, ["http://agent.test"])) as client,
        pytest.raises(RuntimeError, match="AsyncClient"),
    ):
        client.get("http://agent.test/")


async def test_discovery_without_a_token_endpoint(source: TokenSource, issuer: DevIssuer) -> None:
    issuer.replaced[WELL_KNOWN] = JSONResponse({"issuer": issuer.url})
    with pytest.raises(TryLater):
        await source.token()
    assert "token_endpoint" in str(source._refresh.error)


async def test_a_token_that_was_given_is_sent_once(callee: Callee) -> None:
    auth = BearerAuth(GivenToken("given"), ["http://agent.test"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(callee), auth=auth) as client:
        assert (await client.get("http://agent.test/")).status_code == 401
    assert callee.seen == ["Bearer given"]
