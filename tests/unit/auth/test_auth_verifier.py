"""Which tokens pass, and what the others are told."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jwk

from crossdock.auth.claims import ClaimRules, Principal
from crossdock.auth.jwks import KeySet
from crossdock.auth.jws import SigningKey
from crossdock.auth.refusals import AccessRefused, TokenRefused
from crossdock.auth.verifier import CACHED, LARGEST_TOKEN, TokenVerifier
from crossdock.errors import ConfigError, Forbidden, TryLater, Unauthenticated
from tests.support.issuer import DevIssuer, signing_key
from tests.unit.auth.clock import Clock


def encoded(value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def refusal(verifier: TokenVerifier, token: str) -> TokenRefused:
    with pytest.raises(TokenRefused) as caught:
        await verifier.verify(token)
    assert isinstance(caught.value, Unauthenticated)
    assert token not in str(caught.value) or len(token) < 3
    return caught.value


async def test_a_token_of_the_issuer_tells_who_calls(verifier: TokenVerifier, issuer: DevIssuer, clock: Clock) -> None:
    principal = await verifier.verify(await issuer.token("acme-orchestrator"))
    assert principal.customer == "acme"
    assert principal.client_id == "acme-orchestrator"
    assert principal.expires_at == clock() + 300
    assert principal.subject
    assert principal.may("skill:anomaly.detect_anomalies")
    assert not principal.may("skill:anomaly.delete_everything")


async def test_keycloak_writes_a_lone_audience_as_text(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    token = await issuer.mint(claims={"aud": "anomaly-agent"})
    assert (await verifier.verify(token)).customer == "acme"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "http://issuer.test/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": ["http://issuer.test"]}, "issuer"),
        ({"aud": ["contract-agent"]}, "audience"),
        ({"aud": "anomaly-agent-2"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": {"anomaly-agent": True}}, "audience"),
        ({"aud": [["anomaly-agent"]]}, "audience"),
        ({"exp": None}, "claims"),
        ({"exp": "1900000000"}, "claims"),
        ({"exp": True}, "claims"),
        ({"exp": 10**400}, "claims"),
        ({"exp": -1}, "claims"),
        ({"nbf": "soon"}, "claims"),
        ({"iat": []}, "claims"),
        ({"iat": 1_800_000_010.0, "exp": 1_800_000_005.0}, "claims"),
        ({"typ": "ID"}, "claims"),
        ({"typ": "Refresh"}, "claims"),
        ({"typ": ["Bearer"]}, "claims"),
        ({"exp": 1_799_999_970.0, "iat": None}, "expired"),
        ({"nbf": 1_800_000_031.0}, "not_yet_valid"),
        ({"iat": 1_800_000_031.0}, "not_yet_valid"),
        ({"customer": None}, "customer_claim"),
        ({"customer": ""}, "customer_claim"),
        ({"customer": ["acme"]}, "customer_claim"),
        ({"customer": "ACME"}, "customer_claim"),
        ({"customer": "acme\n"}, "customer_claim"),
        ({"customer": "acme:tasks"}, "customer_claim"),
        ({"customer": "-acme"}, "customer_claim"),
        ({"customer": "a" * 64}, "customer_claim"),
    ],
)
async def test_claims_that_do_not_fit(
    verifier: TokenVerifier, issuer: DevIssuer, claims: dict[str, Any], reason: str
) -> None:
    refused = await refusal(verifier, await issuer.mint(claims=claims))
    assert refused.reason == reason
    assert refused.client_id == "acme-orchestrator"


async def test_clocks_may_differ_by_the_leeway(verifier: TokenVerifier, issuer: DevIssuer, clock: Clock) -> None:
    times = {"exp": clock() - 29, "nbf": clock() + 29, "iat": None}
    assert (await verifier.verify(await issuer.mint(claims=times))).customer == "acme"


@pytest.mark.parametrize(
    "access",
    [None, {}, {"roles": None}, {"roles": "agent-access"}, {"roles": {"agent-access": 1}}, ["agent-access"], "x"]
    + [{"roles": value} for value in ([["agent-access"], 7, None], ["AGENT-ACCESS", "agent-access "])],
)
async def test_without_the_role_a_good_token_is_forbidden(
    verifier: TokenVerifier, issuer: DevIssuer, access: object
) -> None:
    with pytest.raises(AccessRefused, match="agent-access") as caught:
        await verifier.verify(await issuer.mint(claims={"realm_access": access}))
    assert isinstance(caught.value, Forbidden)
    assert caught.value.reason == "role"
    assert caught.value.client_id == "acme-orchestrator"


async def test_roles_of_odd_types_are_left_out(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    token = await issuer.mint(claims={"realm_access": {"roles": ["agent-access", 7, None, {"a": 1}]}})
    assert (await verifier.verify(token)).roles == {"agent-access"}


async def test_an_orchestrator_serves_its_own_customer_only(keys: KeySet, issuer: DevIssuer, clock: Clock) -> None:
    own = TokenVerifier(issuer.url, "acme-orchestrator", keys, customer="acme", clock=clock)
    assert (await own.verify(await issuer.token("acme-caller"))).customer == "acme"
    with pytest.raises(AccessRefused) as caught:
        await own.verify(await issuer.mint("globex-caller", claims={"aud": ["acme-orchestrator"]}))
    assert caught.value.reason == "other_customer"
    assert "acme" in str(caught.value)


async def test_a_signature_by_another_key_of_the_same_id(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    kid = (await issuer.keyring.current()).kid
    refused = await refusal(verifier, await issuer.mint(key=signing_key(9), header={"kid": kid}))
    assert (refused.reason, refused.client_id) == ("signature", "")


async def test_a_changed_payload(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    head, _, signature = (await issuer.token("acme-orchestrator")).split(".")
    other = (await issuer.mint(claims={"customer": "globex"})).split(".")[1]
    assert (await refusal(verifier, f"{head}.{other}.{signature}")).reason == "signature"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, ["RS256"], "RS384", "HS512", "dir"])
async def test_an_algorithm_that_is_not_allowed(verifier: TokenVerifier, issuer: DevIssuer, algorithm: object) -> None:
    _, payload, signature = (await issuer.token("acme-orchestrator")).split(".")
    header = {"alg": algorithm, "typ": "JWT", "kid": (await issuer.keyring.current()).kid}
    assert (await refusal(verifier, f"{encoded(header)}.{payload}.{signature}")).reason == "algorithm"
    assert issuer.requests["/jwks"] == 0


@pytest.mark.parametrize("form", ["pem", "n"])
async def test_a_public_key_used_as_an_hmac_secret(verifier: TokenVerifier, issuer: DevIssuer, form: str) -> None:
    key = await issuer.keyring.current()
    public = jwk.construct(key.jwk(), "RS256").to_pem() if form == "pem" else key.jwk()["n"].encode()
    payload = (await issuer.token("acme-orchestrator")).split(".")[1]
    text = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{payload}"
    token = f"{text}.{encoded(hmac.digest(public, text.encode(), hashlib.sha256))}"
    assert (await refusal(verifier, token)).reason == "algorithm"


async def test_an_rsa_key_verifies_no_other_algorithm_than_its_own(keys: KeySet, issuer: DevIssuer) -> None:
    verifier = TokenVerifier(issuer.url, "anomaly-agent", keys, algorithms=("RS512", "ES256"))
    for algorithm in ("RS512", "ES256"):
        head = encoded({"alg": algorithm, "typ": "JWT", "kid": (await issuer.keyring.current()).kid})
        _, payload, signature = (await issuer.token("acme-orchestrator")).split(".")
        assert (await refusal(verifier, f"{head}.{payload}.{signature}")).reason == "signature"


async def test_an_elliptic_curve_key(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    issuer.keyring._generate = lambda: SigningKey.generate("ES256")
    assert (await verifier.verify(await issuer.token("acme-orchestrator"))).customer == "acme"


@pytest.mark.parametrize("algorithms", [(), ("HS256",), ("RS256", "none"), ("RS256", "PS256")])
def test_the_allow_list_cannot_hold_a_symmetric_or_unknown_algorithm(keys: KeySet, algorithms: list[str]) -> None:
    with pytest.raises(ConfigError, match="RS256"):
        TokenVerifier("http://issuer.test", "anomaly-agent", keys, algorithms=algorithms)


@pytest.mark.parametrize("kid", [None, "", 7, ["a"], "k" * 256])
async def test_a_key_id_that_is_none(verifier: TokenVerifier, issuer: DevIssuer, kid: object) -> None:
    token = await issuer.mint(header={"kid": kid})
    assert (await refusal(verifier, token)).reason == "unknown_key"
    assert issuer.requests["/jwks"] == 0


@pytest.mark.parametrize("kid", ["unknown", "../../etc/passwd", "' OR 1=1 --", "http://evil.test/jwks", "\x00"])
async def test_a_key_id_that_the_issuer_does_not_have(verifier: TokenVerifier, issuer: DevIssuer, kid: str) -> None:
    refused = await refusal(verifier, await issuer.mint(header={"kid": kid}))
    assert refused.reason == "unknown_key"
    assert kid not in str(refused)


async def test_a_key_that_the_token_brings_along(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    stranger = signing_key(9)
    header: dict[str, Any] = {"jwk": stranger.jwk(), "jku": "http://evil.test/jwks"}
    assert (await refusal(verifier, await issuer.mint(key=stranger, header=header))).reason == "unknown_key"
    assert set(issuer.requests) == {"/.well-known/openid-configuration", "/jwks"}


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"typ": "logout+jwt"}, {"typ": ["JWT"]}])
async def test_headers_that_are_not_an_access_tokens(
    verifier: TokenVerifier, issuer: DevIssuer, header: dict[str, object]
) -> None:
    assert (await refusal(verifier, await issuer.mint(header=header))).reason == "malformed"


DEEP = b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"


HEADERS: list[object] = [[], "RS256", 7, None, b"{", b"\xff\xfe", DEEP, b"{" + b"1" * 5_000]


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c.d", "Bearer a.b.c", "a.b.c\n", "é.é.é", "\ud800.a.b", "eyJhbGciOiJub25lIn0.e30."]
    + [f"{encoded(part)}.e30.AAAA" for part in HEADERS],
)
async def test_what_is_no_token(verifier: TokenVerifier, token: str) -> None:
    assert (await refusal(verifier, token)).reason == "malformed"


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}!", "{}.", "{}.AAAA", ".{}"])
async def test_a_good_token_with_something_around_it(verifier: TokenVerifier, issuer: DevIssuer, change: str) -> None:
    token = await issuer.token("acme-orchestrator")
    assert (await refusal(verifier, change.format(token))).reason == "malformed"


@pytest.mark.parametrize("payload", [b"[]", b'"text"', b"{", DEEP, b'{"exp": Infinity}', b'{"exp": NaN}', b"\xff"])
async def test_a_signed_payload_that_holds_no_claims(
    verifier: TokenVerifier, issuer: DevIssuer, payload: bytes
) -> None:
    key = await issuer.keyring.current()
    text = f"{encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': key.kid})}.{encoded(payload)}"
    token = f"{text}.{encoded(key._private.sign(text.encode()))}"
    assert (await refusal(verifier, token)).reason == "malformed"


async def test_a_huge_token_is_not_even_read(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    token = await issuer.mint(claims={"padding": "x" * LARGEST_TOKEN})
    assert (await refusal(verifier, token)).reason == "oversized"
    assert issuer.requests["/jwks"] == 0


async def test_a_remembered_token_expires_all_the_same(
    verifier: TokenVerifier, issuer: DevIssuer, clock: Clock
) -> None:
    token = await issuer.token("acme-orchestrator")
    await verifier.verify(token)
    clock.now += 299
    await verifier.verify(token)
    clock.now += 31
    assert (await refusal(verifier, token)).reason == "expired"


async def test_a_remembered_token_ends_with_its_key(verifier: TokenVerifier, issuer: DevIssuer, clock: Clock) -> None:
    token = await issuer.mint(claims={"exp": clock() + 100_000})
    await verifier.verify(token)
    await issuer.rotate()
    issuer.keyring._former = ()
    clock.now += 299
    await verifier.verify(token)
    clock.now += 1
    assert (await refusal(verifier, token)).reason == "unknown_key"


async def test_a_remembered_token_ends_when_its_key_id_means_another_key(
    verifier: TokenVerifier, issuer: DevIssuer, clock: Clock
) -> None:
    token = await issuer.mint(claims={"exp": clock() + 100_000})
    await verifier.verify(token)
    kid = (await issuer.keyring.current()).kid
    issuer.keyring._current = signing_key(9)
    issuer.keyring._current.__dict__["kid"] = kid
    try:
        clock.now += 300
        assert (await refusal(verifier, token)).reason == "signature"
    finally:
        del signing_key(9).__dict__["kid"]


async def test_remembered_tokens_are_bounded(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    token = await issuer.token("acme-orchestrator")
    principal = await verifier.verify(token)
    key, _ = next(iter(verifier._verified.values()))
    for number in range(CACHED + 10):
        verifier._remember(str(number).encode(), key, principal)
    assert len(verifier._verified) == CACHED
    assert token.encode() not in b"".join(verifier._verified)
    assert await verifier.verify(token) == principal


async def test_without_the_issuer_nothing_is_known_about_a_token(verifier: TokenVerifier, issuer: DevIssuer) -> None:
    token = await issuer.token("acme-orchestrator")
    issuer.down = True
    with pytest.raises(TryLater):
        await verifier.verify(token)
    assert (await refusal(verifier, "nonsense")).reason == "malformed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("aZ-é\n", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["roles", "x"]), inner, max_size=2),
    max_leaves=6,
)
GOOD: dict[str, Any] = {
    "iss": "http://issuer.test",
    "aud": ["anomaly-agent"],
    "exp": 1_800_000_300,
    "customer": "acme",
    "realm_access": {"roles": ["agent-access"]},
}
RULES = ClaimRules(issuer="http://issuer.test", audience="anomaly-agent", role="agent-access", leeway=30)


@given(st.dictionaries(st.sampled_from([*GOOD, "nbf", "iat", "sub", "azp", "typ"]), JSON, max_size=4))
def test_claims_of_any_kind_end_in_a_principal_or_a_refusal(changed: dict[str, Any]) -> None:
    try:
        principal = RULES.principal(GOOD | changed, 1_800_000_000.0)
    except (TokenRefused, AccessRefused):
        return
    assert isinstance(principal, Principal)
    assert principal.customer
    assert "agent-access" in principal.roles
    assert 1_800_000_000.0 - 30 < principal.expires_at < 1e12
