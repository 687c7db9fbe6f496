"""The development issuer speaks OAuth 2.0 as RFC 6749 has it, and its keys rotate."""

import base64
import json
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from typer import Exit

from crossdock.auth.dev_clients import DevClient
from crossdock.auth.dev_grants import GrantRefused, authenticate, credentials, read_form
from crossdock.auth.dev_issuer import IssuerSettings, create_issuer_app, is_loopback, serve
from crossdock.auth.dev_keyring import Keyring
from crossdock.auth.jws import SigningKey, read_claims, read_header
from crossdock.errors import ConfigError
from tests.support.issuer import DevIssuer, signing_key
from tests.unit.auth.clock import Clock

CLIENT = "acme-orchestrator"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def web(issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=issuer.transport, base_url=issuer.url) as client:
        yield client


async def test_discovery_and_keys(web: httpx.AsyncClient, issuer: DevIssuer) -> None:
    document = (await web.get("/.well-known/openid-configuration")).json()
    assert document["issuer"] == issuer.url
    assert "client_credentials" in document["grant_types_supported"]
    (key,) = (await web.get(document["jwks_uri"])).json()["keys"]
    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
    assert (await web.get("/healthz")).text == "ok"


async def test_the_claims_are_keycloaks(web: httpx.AsyncClient, issuer: DevIssuer, clock: Clock) -> None:
    response = await web.post("/token", data=GRANT, auth=(CLIENT, issuer.secret(CLIENT)))
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    claims = dict(read_claims(body["access_token"]))
    assert read_header(body["access_token"])["typ"] == "JWT"
    assert claims.pop("jti")
    assert claims.pop("sub")
    assert claims == {
        "iss": issuer.url,
        "aud": ["anomaly-agent", "contract-agent", "escalation-agent"],
        "azp": CLIENT,
        "iat": clock(),
        "exp": clock() + 300,
        "typ": "Bearer",
        "customer": "acme",
        "realm_access": {
            "roles": [
                "agent-access",
                "skill:anomaly.detect_anomalies",
                "skill:anomaly.validate_records",
                "skill:contract.find_contract",
                "skill:contract.answer_question",
                "skill:contract.add_contract",
                "skill:escalation.draft_escalation",
            ]
        },
    }


async def test_a_callers_token_opens_its_orchestrator_only(issuer: DevIssuer) -> None:
    claims = read_claims(await issuer.token("globex-caller"))
    assert claims["aud"] == ["globex-orchestrator"]
    assert claims["customer"] == "globex"
    assert claims["realm_access"]["roles"] == ["agent-access", "skill:orchestrator.handle_request"]


async def test_a_client_has_the_same_subject_each_time_and_other_token_ids(issuer: DevIssuer) -> None:
    one, two, other = [read_claims(await issuer.token(client)) for client in (CLIENT, CLIENT, "globex-orchestrator")]
    assert one["sub"] == two["sub"] != other["sub"]
    assert one["jti"] != two["jti"]


async def test_the_secret_may_stand_in_the_form(web: httpx.AsyncClient, issuer: DevIssuer) -> None:
    form = {**GRANT, "client_id": CLIENT, "client_secret": issuer.secret(CLIENT), "unknown": "ignored"}
    assert (await web.post("/token", data=form)).status_code == 200


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("form", "authorization", "status", "error"),
    [
        (GRANT, None, 401, "invalid_client"),
        (GRANT | {"client_id": CLIENT}, None, 401, "invalid_client"),
        (GRANT | {"client_id": CLIENT, "client_secret": ""}, None, 401, "invalid_client"),
        (GRANT | {"client_id": CLIENT, "client_secret": "wrong"}, None, 401, "invalid_client"),
        (GRANT, basic(f"{CLIENT}:wrong"), 401, "invalid_client"),
        (GRANT, basic(f"{CLIENT}:"), 401, "invalid_client"),
        (GRANT, basic("nobody:SECRET"), 401, "invalid_client"),
        (GRANT, basic("globex-orchestrator:SECRET"), 401, "invalid_client"),
        (GRANT, basic(CLIENT), 401, "invalid_client"),
        (GRANT, "Basic", 401, "invalid_client"),
        (GRANT, "Basic é", 401, "invalid_client"),
        (GRANT, "Bearer abc", 401, "invalid_client"),
        (GRANT | {"client_secret": "SECRET"}, basic(f"{CLIENT}:SECRET"), 400, "invalid_request"),
        ({}, basic(f"{CLIENT}:SECRET"), 400, "invalid_request"),
        ({"grant_type": ""}, basic(f"{CLIENT}:SECRET"), 400, "invalid_request"),
        ({"grant_type": "password"}, basic(f"{CLIENT}:SECRET"), 400, "unsupported_grant_type"),
        (GRANT | {"scope": "admin"}, basic(f"{CLIENT}:SECRET"), 400, "invalid_scope"),
    ],
)
async def test_refusals_are_those_of_rfc_6749(
    web: httpx.AsyncClient,
    issuer: DevIssuer,
    form: dict[str, str],
    authorization: str | None,
    status: int,
    error: str,
) -> None:
    secret = issuer.secret(CLIENT)
    form = {name: value.replace("SECRET", secret) for name, value in form.items()}
    if authorization and authorization.startswith("Basic "):
        try:
            authorization = basic(base64.b64decode(authorization[6:]).decode().replace("SECRET", secret))
        except ValueError:
            authorization = "Basic ??"
    with capture_logs() as lines:
        response = await web.post(
            "/token", data=form, headers={"Authorization": authorization} if authorization else {}
        )
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers.get("WWW-Authenticate", "").startswith("Basic" if status == 401 else "")
    assert secret not in json.dumps(lines) + response.text


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&client_id=a&client_id=b", "application/x-www-form-urlencoded"),
        (b"\xff", "application/x-www-form-urlencoded"),
        (b"a=1&" * 40, "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", ""),
    ],
)
async def test_bodies_that_are_no_form(web: httpx.AsyncClient, issuer: DevIssuer, content: bytes, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = await web.post("/token", content=content, headers=headers, auth=(CLIENT, issuer.secret(CLIENT)))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_known_scopes_are_granted(web: httpx.AsyncClient, issuer: DevIssuer) -> None:
    form = GRANT | {"scope": "openid  email"}
    response = await web.post("/token", data=form, auth=(CLIENT, issuer.secret(CLIENT)))
    assert response.json()["scope"] == "openid email"


async def test_tokens_are_given_to_posts_only(web: httpx.AsyncClient) -> None:
    assert (await web.get("/token", params=GRANT)).status_code == 405


@given(st.binary(max_size=60))
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    with suppress(GrantRefused):
        assert all(read_form(body).values())


ANY = st.text("aZ:%+ é~", min_size=1, max_size=12)


@given(ANY, ANY)
def test_basic_credentials_survive_their_encoding(client_id: str, secret: str) -> None:
    header = basic(f"{quote_plus(client_id)}:{quote_plus(secret)}")
    assert credentials(header, {}) == (client_id, secret)


@given(st.text(max_size=40))
def test_any_authorization_header_is_read_or_refused(header: str) -> None:
    with suppress(GrantRefused):
        client_id, secret = credentials(header, {})
        assert isinstance(client_id + secret, str)


def test_a_client_whose_secret_file_is_gone_cannot_authenticate(tmp_path: Path) -> None:
    client = DevClient(client_id="c", customer="acme", audience=("a",), secret_file=tmp_path / "gone")
    for secret in ("", "x"):
        with pytest.raises(GrantRefused):
            authenticate({"c": client}, "c", secret)


async def test_rotation_keeps_the_former_key_for_a_while(
    web: httpx.AsyncClient, issuer: DevIssuer, clock: Clock
) -> None:
    former = (await issuer.keyring.current()).kid
    new = await issuer.rotate()
    assert read_header(await issuer.token(CLIENT))["kid"] == new.kid != former
    assert [key["kid"] for key in (await web.get("/jwks")).json()["keys"]] == [new.kid, former]
    clock.now += 3600
    assert [key["kid"] for key in (await web.get("/jwks")).json()["keys"]] == [new.kid]


async def rotation(rotation: bool, client: str) -> httpx.Response:
    settings = IssuerSettings(url="http://i.test", clients=(), rotation=rotation, keyring=keyring())
    transport = httpx.ASGITransport(create_issuer_app(settings), client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://i.test") as web:
        return await web.post("/rotate")


def keyring(path: Path | None = None) -> Keyring:
    keys = iter(range(9))
    return Keyring(path, generate=lambda: signing_key(next(keys)))


async def test_keys_are_rotated_over_http_only_where_allowed_and_from_here() -> None:
    assert (await rotation(rotation=False, client="127.0.0.1")).status_code == 404
    assert (await rotation(rotation=True, client="10.0.0.1")).status_code == 403
    assert (await rotation(rotation=True, client="127.0.0.1")).json() == {"kid": signing_key(1).kid}


async def test_keys_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = keyring(path)
    former, new = await first.current(), await first.rotate()
    second = keyring(path)
    assert await second.current() == new
    assert [key["kid"] for key in (await second.jwks())["keys"]] == [new.kid, former.kid]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"current": {"algorithm": "RS256", "pem": "x"}, "former": []}'])
async def test_a_broken_key_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"keys\.json"):
        await keyring(path).current()


def test_private_keys_and_secrets_are_not_shown() -> None:
    key = SigningKey.generate("ES256")
    assert "PRIVATE" not in repr(key)
    client = DevClient.model_validate({"client_id": "c", "customer": "acme", "audience": ["a"], "secret": "hush-hush"})
    assert "hush-hush" not in repr(client)


def test_real_keys_are_rsa_of_2048_bits() -> None:
    key = SigningKey.generate()
    assert key.algorithm == "RS256"
    assert len(base64.urlsafe_b64decode(key.jwk()["n"] + "==")) == 256


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "issuer.example", "127.0.0.1.evil.test"])
def test_it_does_not_listen_to_the_world(tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as caught:
        serve(clients=tmp_path / "none", host=host)
    assert caught.value.exit_code == 2
    assert "for development only" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_addresses(host: str) -> None:
    assert is_loopback(host)


def test_a_client_file_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit):
        serve(clients=tmp_path / "none.yaml")
    assert "none.yaml" in capsys.readouterr().err
