"""What the gateway is told of tokens, good and bad, and what of that it can tell its callers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from structlog.testing import capture_logs

from crossdock.auth.jws import SigningKey
from edge.app import Edge, create_app
from edge.settings import Settings
from tests.support.issuer import DevIssuer

OWN = "*-orchestrator"


@pytest.fixture
def issuer(tmp_path: Path) -> DevIssuer:
    return DevIssuer(tmp_path / "issuer")


@pytest.fixture
async def edge(issuer: DevIssuer) -> AsyncIterator[Edge]:
    app = create_app(Settings.load(issuer=issuer.url), http=issuer.http())
    async with app.app.router.lifespan_context(app.app):
        yield app


class Gateway:
    """Asks as nginx does."""

    def __init__(self, edge: Edge) -> None:
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://edge:8005")
        self._management = httpx.AsyncClient(transport=httpx.ASGITransport(edge.management), base_url="http://edge")

    async def check(self, card: str, token: str | None = None, **headers: str) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return await self._http.get("/check", headers={"X-Crossdock-Card": card, **bearer, **headers})

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self._http.get(path, headers=headers)

    async def ready(self) -> int:
        return (await self._management.get("/readyz")).status_code


@pytest.fixture
def gateway(edge: Edge) -> Gateway:
    return Gateway(edge)


def refusal(response: httpx.Response) -> dict[str, Any]:
    """What the caller is told, the same in the body and in both headers."""
    body: dict[str, Any] = response.json()
    assert json.loads(response.headers["X-Auth-Error"]) == body
    assert unquote(response.headers["X-Auth-Message"]) == body["error"]["message"]
    assert body["error"]["code"] == response.status_code
    assert response.headers["Cache-Control"] == "no-store"
    assert "X-Auth-Customer" not in response.headers
    found: dict[str, Any] = body["error"]
    return found


@pytest.mark.parametrize(
    ("client", "card"),
    [
        ("acme-orchestrator", "anomaly-agent"),
        ("acme-caller", "acme-orchestrator"),
        ("acme-caller", OWN),
        ("globex-caller", OWN),
    ],
)
async def test_a_good_token(gateway: Gateway, issuer: DevIssuer, client: str, card: str) -> None:
    for _ in range(2):
        response = await gateway.check(card, await issuer.token(client))
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["X-Auth-Customer"] == client.split("-")[0]


async def test_no_token(gateway: Gateway) -> None:
    response = await gateway.check("anomaly-agent")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="anomaly-agent"'
    told = refusal(response)
    assert told["status"] == "UNAUTHENTICATED"
    assert "Get an access token for anomaly-agent from http://issuer.test" in told["message"]
    assert "for <customer>-orchestrator from" in refusal(await gateway.check(OWN))["message"]


@pytest.mark.parametrize("card", ["anomaly-agent", OWN])
@pytest.mark.parametrize(
    "token", ["garbage", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "e30.e30.e30", "a" * 20_000, "e30.W10.e30"]
)
async def test_garbage(gateway: Gateway, card: str, token: str) -> None:
    response = await gateway.check(card, token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    refusal(response)


@pytest.mark.parametrize("card", ["acme-orchestrator", OWN])
@pytest.mark.parametrize(
    ("claims", "status", "words"),
    [
        ({"exp": 1, "iat": 0}, 401, "expired"),
        ({"aud": "other"}, 401, "not meant for acme-orchestrator"),
        ({"aud": OWN}, 401, "not meant for"),
        ({"iss": "http://other.test"}, 401, "another issuer"),
        ({"realm_access": {"roles": []}}, 403, "agent-access is missing"),
        ({"typ": "Refresh"}, 401, "not an access token"),
    ],
)
async def test_a_token_that_does_not_do(
    gateway: Gateway, issuer: DevIssuer, card: str, claims: dict[str, Any], status: int, words: str
) -> None:
    response = await gateway.check(card, await issuer.mint("acme-caller", claims=claims))
    assert response.status_code == status
    assert words in refusal(response)["message"]
    assert "WWW-Authenticate" in response.headers


@pytest.mark.parametrize("customer", [None, 7, "", "ACME", "acme-orchestrator\n", "*", "<customer>", "../acme"])
async def test_a_token_of_no_customer_has_no_orchestrator(gateway: Gateway, issuer: DevIssuer, customer: Any) -> None:
    response = await gateway.check(OWN, await issuer.mint("acme-caller", claims={"customer": customer}))
    assert response.status_code == 401
    assert "<customer>-orchestrator" in refusal(response)["message"]


async def test_the_orchestrator_of_another_customer(gateway: Gateway, issuer: DevIssuer) -> None:
    globex = await issuer.token("globex-caller")
    assert (await gateway.check("acme-orchestrator", globex)).status_code == 401
    both = await issuer.mint("globex-caller", claims={"aud": ["acme-orchestrator", "globex-orchestrator"]})
    response = await gateway.check("acme-orchestrator", both)
    assert response.status_code == 403
    assert "another customer" in refusal(response)["message"]
    assert (await gateway.check(OWN, both)).headers["X-Auth-Customer"] == "globex"


async def test_a_forged_customer_is_not_believed(gateway: Gateway, issuer: DevIssuer, edge: Edge) -> None:
    await gateway.check(OWN, await issuer.token("acme-caller"))
    forged = await issuer.mint("acme-caller", claims={"customer": "globex"}, key=SigningKey.generate("ES256"))
    assert (await gateway.check(OWN, forged)).status_code == 401
    kept: Any = edge.app.routes[0]
    assert list(kept.app._checks._kept) == ["acme-orchestrator"]


async def test_rotated_keys_go_unnoticed(gateway: Gateway, issuer: DevIssuer) -> None:
    before = await issuer.token("acme-caller")
    assert (await gateway.check(OWN, before)).status_code == 204
    await issuer.rotate()
    assert (await gateway.check(OWN, await issuer.token("acme-caller"))).status_code == 204
    assert (await gateway.check(OWN, before)).status_code == 204


async def test_an_issuer_that_is_down(gateway: Gateway, issuer: DevIssuer) -> None:
    token, other = await issuer.token("acme-caller"), await issuer.token("acme-orchestrator")
    issuer.down = True
    assert await gateway.ready() == 503
    response = await gateway.check(OWN, token)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert refusal(response)["status"] == "UNAVAILABLE"
    issuer.down = False
    app = create_app(Settings.load(issuer=issuer.url), http=issuer.http())
    gateway = Gateway(app)
    assert (await gateway.check(OWN, token)).status_code == 204
    issuer.down = True
    assert (await gateway.check(OWN, token)).status_code == 204
    assert (await gateway.check("anomaly-agent", other)).status_code == 204
    assert await gateway.ready() == 200


async def test_one_set_of_keys_serves_all_cards(gateway: Gateway, issuer: DevIssuer) -> None:
    for client, card in (("acme-caller", OWN), ("globex-caller", OWN), ("acme-orchestrator", "contract-agent")):
        assert (await gateway.check(card, await issuer.token(client))).status_code == 204
    assert issuer.requests["/jwks"] == 1


async def test_two_tokens_are_none(gateway: Gateway, issuer: DevIssuer) -> None:
    token = await issuer.token("acme-caller")
    twice = httpx.Headers([("X-Crossdock-Card", OWN), *(("Authorization", f"Bearer {token}") for _ in range(2))])
    assert (await gateway._http.get("/check", headers=twice)).status_code == 401


async def test_the_gateway_must_say_what_is_called(gateway: Gateway, issuer: DevIssuer) -> None:
    headers = {"Authorization": f"Bearer {await issuer.token('acme-caller')}"}
    assert (await gateway.get("/check", headers)).status_code == 400
    assert (await gateway.get("/", headers)).status_code == 404


async def test_refusals_are_counted_and_logged_without_the_token(
    gateway: Gateway, issuer: DevIssuer, edge: Edge
) -> None:
    expired = await issuer.mint("acme-caller", claims={"exp": 1, "iat": 0})
    with capture_logs() as logs:
        await gateway.check(OWN, expired)
    assert [(line["reason"], line["path"], line["client_id"]) for line in logs] == [("expired", OWN, "acme-caller")]
    assert expired not in str(logs)
    value = edge.metrics.registry.get_sample_value
    assert value("crossdock_auth_rejections_total", {"agent": "edge", "reason": "expired"}) == 1


async def test_the_card_can_stand_in_the_path_and_then_no_header_counts(gateway: Gateway, issuer: DevIssuer) -> None:
    token = await issuer.token("acme-caller")
    headers = {"Authorization": f"Bearer {token}", "X-Crossdock-Card": "acme-orchestrator"}
    assert (await gateway.get("/check/acme-orchestrator", headers)).status_code == 204
    response = await gateway.get("/check/anomaly-agent", headers)
    assert response.status_code == 401
    assert "anomaly-agent" in refusal(response)["message"]
