"""Fetching keys seldom, and living through the issuer's outages."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from crossdock.auth import discovery as discovery_module
from crossdock.auth.discovery import LARGEST_ANSWER, WELL_KNOWN
from crossdock.auth.jwks import DAY, KeySet
from crossdock.auth.jws import SigningKey, VerificationKey
from crossdock.errors import TryLater
from tests.support.issuer import DevIssuer, signing_key
from tests.unit.auth.clock import Clock


async def settled(keys: KeySet) -> None:
    """Waits for what was begun in the background."""
    await keys._refresh.join()


async def kid_of(issuer: DevIssuer) -> str:
    return (await issuer.keyring.current()).kid


async def test_keys_are_fetched_once_for_their_ttl(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    kid = await kid_of(issuer)
    for _ in range(5):
        assert len(await keys.find(kid)) == 1
        clock.now += 40
    assert issuer.requests["/jwks"] == 1


async def test_keys_are_fetched_ahead_without_anyone_waiting(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    kid = await kid_of(issuer)
    await keys.find(kid)
    clock.now += 250
    issuer.gate = asyncio.Event()
    assert await keys.find(kid)
    issuer.gate.set()
    await settled(keys)
    assert issuer.requests["/jwks"] == 2


async def test_a_removed_key_is_gone_after_the_ttl(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    kid = await kid_of(issuer)
    await keys.find(kid)
    await issuer.rotate()
    issuer.keyring._former = ()
    clock.now += 300
    assert await keys.find(kid) == ()


async def test_a_new_key_is_found_at_once_and_the_former_one_still_holds(keys: KeySet, issuer: DevIssuer) -> None:
    former = await kid_of(issuer)
    await keys.find(former)
    new = await issuer.rotate()
    assert [key.kid for key in await keys.find(new.kid)] == [new.kid]
    assert await keys.find(former)
    assert issuer.requests["/jwks"] == 2


async def test_a_stampede_of_unknown_key_ids_is_one_fetch(keys: KeySet, issuer: DevIssuer) -> None:
    await keys.find(await kid_of(issuer))
    found = await asyncio.gather(*(keys.find(f"unknown-{number}") for number in range(100)))
    assert found == [()] * 100
    assert issuer.requests["/jwks"] == 2


async def test_a_stampede_at_the_start_is_one_fetch(keys: KeySet, issuer: DevIssuer) -> None:
    kid = await kid_of(issuer)
    found = await asyncio.gather(*(keys.find(kid) for _ in range(100)))
    assert all(found)
    assert issuer.requests["/jwks"] == 1


async def test_unknown_key_ids_make_it_look_again_only_now_and_then(issuer: DevIssuer) -> None:
    keys = KeySet(issuer.http(), issuer.url, min_refresh_interval=0.1)
    began = time.monotonic()
    for number in range(3):
        assert await asyncio.gather(*(keys.find(f"unknown-{number}-{each}") for each in range(50))) == [()] * 50
    assert issuer.requests["/jwks"] == 4
    assert time.monotonic() - began >= 0.2
    await keys.close()


async def test_a_key_that_is_made_right_after_a_look_is_found_too(issuer: DevIssuer) -> None:
    keys = KeySet(issuer.http(), issuer.url, min_refresh_interval=0.1)
    await keys.find("a stranger's")
    new = await issuer.rotate()
    assert [key.kid for key in await keys.find(new.kid)] == [new.kid]
    await keys.close()


async def test_a_key_made_while_keys_are_being_fetched(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    former = await kid_of(issuer)
    await keys.find(former)
    issuer.replaced["/jwks"] = OnceStale(issuer, await issuer.keyring.jwks())
    new = await issuer.rotate()
    clock.now += 250
    issuer.gate = asyncio.Event()
    assert await keys.find(former), "begins to fetch in the background, and will get the former keys only"
    finding = asyncio.gather(*(keys.find(new.kid) for _ in range(10)))
    await asyncio.sleep(0)
    issuer.gate.set()
    assert all(await finding)
    assert issuer.requests["/jwks"] == 3


class OnceStale:
    """Answers with old keys the first time."""

    def __init__(self, issuer: DevIssuer, old: Mapping[str, Any]) -> None:
        self._issuer, self._old = issuer, old

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del self._issuer.replaced["/jwks"]
        await JSONResponse(self._old)(scope, receive, send)


async def test_the_ttl_counts_from_the_question_not_from_the_answer(
    keys: KeySet, issuer: DevIssuer, clock: Clock
) -> None:
    kid = await kid_of(issuer)
    issuer.gate = asyncio.Event()
    waiting = asyncio.create_task(keys.find(kid))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 100
    issuer.gate.set()
    assert await waiting
    issuer.keyring._current = signing_key(9)
    clock.now += 200
    assert await keys.find(kid) == ()


async def test_a_caller_that_gives_up_does_not_take_the_fetch_from_the_others(keys: KeySet, issuer: DevIssuer) -> None:
    kid = await kid_of(issuer)
    issuer.gate = asyncio.Event()
    impatient, patient = asyncio.create_task(keys.find(kid)), asyncio.create_task(keys.find(kid))
    await asyncio.sleep(0)
    impatient.cancel()
    issuer.gate.set()
    assert await patient
    assert issuer.requests["/jwks"] == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_stale_keys_serve_for_a_day_and_no_longer(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    kid = await kid_of(issuer)
    await keys.find(kid)
    issuer.down = True
    clock.now += 301
    assert await keys.find(kid)
    assert "ConnectError" in keys.problem
    clock.now += DAY - 302
    assert await keys.find(kid)
    await settled(keys)
    clock.now += 1
    with pytest.raises(TryLater, match="Try again"):
        await keys.find(kid)
    with pytest.raises(TryLater):
        await keys.ready()


async def test_keys_are_fresh_again_when_the_issuer_is_back(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    kid = await kid_of(issuer)
    await keys.find(kid)
    issuer.down = True
    clock.now += 2 * DAY
    with pytest.raises(TryLater):
        await keys.find(kid)
    issuer.down = False
    clock.now += 1
    assert await keys.find(kid)
    assert keys.problem == ""
    await keys.ready()


async def test_nobody_waits_for_an_issuer_that_hangs_while_there_are_keys(
    keys: KeySet, issuer: DevIssuer, clock: Clock
) -> None:
    kid = await kid_of(issuer)
    await keys.find(kid)
    issuer.down = True
    clock.now += 301
    await keys.find(kid)
    issuer.down, issuer.gate = False, asyncio.Event()
    clock.now += 30
    async with asyncio.timeout(1):
        assert await keys.find(kid)
    issuer.gate.set()
    await settled(keys)
    assert keys.problem == ""


async def test_a_dead_issuer_is_not_asked_by_every_request(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    issuer.replaced[WELL_KNOWN] = PlainTextResponse("no", 500)
    for _ in range(600):
        with pytest.raises(TryLater) as caught:
            await keys.find("any")
        assert 1 <= caught.value.retry_after <= 4
        clock.now += 1
    # 1, 2, and then every 3 to 4 seconds for ten minutes
    assert 145 <= issuer.requests[WELL_KNOWN] <= 205


async def test_an_unknown_key_id_cannot_be_judged_while_the_issuer_is_down(keys: KeySet, issuer: DevIssuer) -> None:
    await keys.find(await kid_of(issuer))
    new = await issuer.rotate()
    issuer.down = True
    with pytest.raises(TryLater):
        await keys.find(new.kid)


async def test_readiness_waits_for_the_first_keys(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    issuer.down = True
    with pytest.raises(TryLater):
        await keys.ready()
    issuer.down = False
    clock.now += 1
    await keys.ready()


async def test_an_issuer_that_revoked_all_keys_is_believed(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    kid = await kid_of(issuer)
    await keys.find(kid)
    issuer.replaced["/jwks"] = JSONResponse({"keys": []})
    clock.now += 300
    assert await keys.find(kid) == ()
    with pytest.raises(TryLater):
        await keys.ready()


def discovery(**fields: object) -> Response:
    return JSONResponse({"issuer": "http://issuer.test", "jwks_uri": "http://issuer.test/jwks"} | fields)


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(LARGEST_ANSWER // 1024 + 2):
        await send({"type": "http.response.body", "body": b" " * 1024, "more_body": True})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.mark.parametrize(
    ("path", "answer", "problem"),
    [
        (WELL_KNOWN, PlainTextResponse("<html>"), "without a JSON object"),
        (WELL_KNOWN, JSONResponse([]), "without a JSON object"),
        (WELL_KNOWN, PlainTextResponse("[" * 100_000), "without a JSON object"),
        (WELL_KNOWN, JSONResponse({"error": "x"}, 404), "answers 404"),
        (WELL_KNOWN, RedirectResponse("http://issuer.test/elsewhere"), "answers 307"),
        (WELL_KNOWN, discovery(issuer="http://evil.test"), "belongs to the issuer 'http://evil.test'"),
        (WELL_KNOWN, discovery(issuer="http://issuer.test/"), "belongs to the issuer"),
        (WELL_KNOWN, discovery(issuer=None), "belongs to the issuer None"),
        (WELL_KNOWN, discovery(jwks_uri=None), "no usable `jwks_uri`"),
        (WELL_KNOWN, discovery(jwks_uri=["http://issuer.test/jwks"]), "no usable `jwks_uri`"),
        (WELL_KNOWN, discovery(jwks_uri="file:///etc/passwd"), "no usable `jwks_uri`"),
        (WELL_KNOWN, discovery(jwks_uri="http:///jwks"), "no usable `jwks_uri`"),
        (WELL_KNOWN, discovery(jwks_uri="http://[1/jwks"), "no usable `jwks_uri`"),
        (WELL_KNOWN, discovery(jwks_uri="http://issuer.test:x/jwks"), "does not answer"),
        ("/jwks", JSONResponse({"keys": {"a": 1}}), "holds no key set"),
        ("/jwks", JSONResponse({"error": "x"}), "holds no key set"),
        ("/jwks", PlainTextResponse("", 204), "answers 204"),
        ("/jwks", RedirectResponse("http://evil.test/jwks", 302), "answers 302"),
        ("/jwks", PlainTextResponse("{}", headers={"Content-Encoding": "gzip"}), "compressed"),
        ("/jwks", endless, "more than 256 KiB"),
    ],
)
async def test_an_issuer_that_answers_nonsense(
    keys: KeySet, issuer: DevIssuer, clock: Clock, path: str, answer: Any, problem: str
) -> None:
    kid = await kid_of(issuer)
    issuer.replaced[path] = answer
    with pytest.raises(TryLater) as caught:
        await keys.find(kid)
    assert problem in keys.problem
    assert "issuer.test" not in str(caught.value)
    issuer.replaced.clear()
    clock.now += 1
    assert await keys.find(kid)


async def test_an_issuer_that_never_answers_is_given_up(
    issuer: DevIssuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.gate = asyncio.Event()
    monkeypatch.setattr(discovery_module, "SECONDS", 0.01)
    async with issuer.http() as http:
        keys = KeySet(http, issuer.url, clock=clock)
        with pytest.raises(TryLater):
            await keys.find("any")
    assert "TimeoutError" in keys.problem


async def test_an_https_issuer_cannot_send_us_to_plain_http(issuer: DevIssuer, clock: Clock) -> None:
    issuer.replaced[WELL_KNOWN] = discovery(issuer="https://issuer.test")
    async with issuer.http() as http:
        keys = KeySet(http, "https://issuer.test", clock=clock)
        with pytest.raises(TryLater):
            await keys.find("any")
    assert "must be one of: https" in keys.problem
    assert issuer.requests["/jwks"] == 0


async def test_an_issuer_reached_under_another_address(issuer: DevIssuer, clock: Clock) -> None:
    inside = "http://keycloak.inside:8080/.well-known/openid-configuration"
    async with issuer.http() as http:
        keys = KeySet(http, issuer.url, clock=clock, discovery_url=inside)
        assert await keys.find(await kid_of(issuer))


async def test_the_shared_clients_own_settings_do_not_reach_the_issuer(issuer: DevIssuer, clock: Clock) -> None:
    seen: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        seen.append(request)

    async with httpx.AsyncClient(
        transport=issuer.transport, auth=("user", "secret"), follow_redirects=True, event_hooks={"request": [note]}
    ) as http:
        await KeySet(http, issuer.url, clock=clock).find(await kid_of(issuer))
    assert [request.headers.get("authorization") for request in seen] == [None, None]


def pending() -> int:
    return len([task for task in asyncio.all_tasks() if task.get_name().startswith("refresh")])


async def test_closing_ends_a_fetch_that_is_under_way(keys: KeySet, issuer: DevIssuer) -> None:
    issuer.gate = asyncio.Event()
    waiting = asyncio.create_task(keys.find("any"))
    await asyncio.sleep(0)
    assert pending() == 1
    await keys.close()
    assert pending() == 0
    with pytest.raises(TryLater):
        await waiting


PUBLIC = signing_key(0).jwk()
CURVE = SigningKey.generate("ES256").jwk()
WITHOUT_ALG = {name: value for name, value in PUBLIC.items() if name != "alg"}


@pytest.mark.parametrize("entry", [PUBLIC, CURVE, WITHOUT_ALG, PUBLIC | {"key_ops": ["verify"]}])
def test_keys_that_verify_tokens(entry: dict[str, Any]) -> None:
    key = VerificationKey.from_jwk(entry)
    assert key is not None
    assert key.kid == entry["kid"]
    assert entry["kid"] == key.thumbprint


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "key",
        {},
        PUBLIC | {"use": "enc"},
        PUBLIC | {"use": None},
        PUBLIC | {"key_ops": ["encrypt"]},
        PUBLIC | {"key_ops": "verify"},
        PUBLIC | {"d": "AQAB"},
        PUBLIC | {"alg": "RSA-OAEP"},
        PUBLIC | {"alg": "HS256"},
        PUBLIC | {"alg": "none"},
        PUBLIC | {"alg": ["RS256"]},
        PUBLIC | {"kid": None},
        PUBLIC | {"kid": 7},
        PUBLIC | {"kty": "oct", "k": "c2VjcmV0"},
        PUBLIC | {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
        PUBLIC | {"kty": ["RSA"]},
        PUBLIC | {"n": None},
        PUBLIC | {"n": ""},
        PUBLIC | {"n": 7},
        PUBLIC | {"n": "?"},
        PUBLIC | {"n": PUBLIC["n"][:170]},
        PUBLIC | {"n": PUBLIC["n"] * 10},
        PUBLIC | {"e": "AA"},
        PUBLIC | {"e": "Ag"},
        CURVE | {"crv": "P-384"},
        CURVE | {"crv": "secp256k1"},
        CURVE | {"crv": ["P-256"]},
        CURVE | {"x": CURVE["y"]},
        CURVE | {"y": None},
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "ed",
            "alg": "EdDSA",
        },
    ],
)
def test_entries_that_must_not_verify_a_token(entry: object) -> None:
    assert VerificationKey.from_jwk(entry) is None


async def test_a_broken_entry_does_not_hide_the_good_ones(keys: KeySet, issuer: DevIssuer) -> None:
    entries = [None, PUBLIC | {"n": "?"}, {"kty": "oct", "k": "x", "kid": CURVE["kid"]}, CURVE]
    issuer.replaced["/jwks"] = PlainTextResponse(json.dumps({"keys": entries}))
    assert len(await keys.find(CURVE["kid"])) == 1


async def test_two_keys_of_one_id_are_both_tried(keys: KeySet, issuer: DevIssuer) -> None:
    issuer.replaced["/jwks"] = JSONResponse({"keys": [PUBLIC, CURVE | {"kid": PUBLIC["kid"]}]})
    assert len(await keys.find(PUBLIC["kid"])) == 2
