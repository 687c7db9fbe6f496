"""What reaches which agent through the gateway, with which headers, and what the others are told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.echo import Echo
from tests.support.gateway import Gateway, gateway
from tests.support.system import System

AGENTS = {"acme": "acme-orchestrator", "globex": "globex-orchestrator", "anomaly": "puppet-agent"}
REALM = "/realms/crossdock"


@dataclass
class Place:
    """A gateway before agents that only remember what reaches them."""

    door: Gateway
    http: httpx.AsyncClient
    agents: dict[str, Echo]
    keycloak: Echo

    def reached(self) -> dict[str, list[str]]:
        """What came since the last look, by name."""
        found = {name: list(agent.targets) for name, agent in self.agents.items() if agent.targets}
        for agent in self.agents.values():
            agent.targets.clear()
        return found


@pytest.fixture
async def place(crossdock: System) -> AsyncIterator[Place]:
    agents = {name: Echo(name) for name in AGENTS}
    keycloak = Echo("keycloak")
    async with gateway(crossdock, await crossdock.serve(keycloak)) as door:
        for name, card in AGENTS.items():
            door.add(name, card, await crossdock.serve(agents[name]))
        await door.start()
        yield Place(door, door.http(), agents, keycloak)


async def raw(place: Place, target: str, token: str) -> int:
    """The status of the answer to a target that no client library would send."""
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    return (await place.door.sent(head.encode("latin-1"))).status_code


def told(response: httpx.Response) -> dict[str, Any]:
    """An error of the gateway's own."""
    assert response.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = response.json()["error"]
    assert found["code"] == response.status_code
    assert found["message"].endswith(".")
    return found


async def test_the_prefix_is_taken_off_and_nothing_else(place: Place, crossdock: System) -> None:
    headers = await crossdock.headers("acme-caller")
    for sent, arrives in (
        ("", "/"),
        ("/", "/"),
        ("?a=b", "/?a=b"),
        ("/tasks/1:cancel", "/tasks/1:cancel"),
        ("/tasks?pageToken=a%2Fb&x=../y//z", "/tasks?pageToken=a%2Fb&x=../y//z"),
        ("/tasks/a%20b%3Fc", "/tasks/a%20b%3Fc"),
        ("/v1/agents/globex/x", "/v1/agents/globex/x"),
    ):
        assert (await place.http.post(f"/agents/acme{sent}", headers=headers)).json() == {"name": "acme", "size": 0}
        assert place.reached() == {"acme": [arrives]}


HOSTILE = (
    "/agents/acme/../globex/tasks",
    "/agents/acme/%2e%2e/globex/tasks",
    "/agents/acme/..%2fglobex/tasks",
    "/agents/acme/%2E%2E%2Fglobex",
    "/agents/acme//tasks",
    "/agents/acme/./tasks",
    "//agents/acme/tasks",
    "/agents//acme/tasks",
    "/agents/acme%2ftasks",
    "/agents/acme%00/tasks",
    "/agents/acme\\..\\globex",
    "/agents/acme/%5c..%5cglobex",
    "/agents/./acme/tasks",
    "/x/../agents/acme/tasks",
    "/realms/../agents/acme/tasks",
    "/agents/acme/.well-known/../tasks",
    "/agents/acme/..",
)


async def test_a_path_that_can_be_read_in_two_ways_reaches_nobody(place: Place, crossdock: System) -> None:
    token = await crossdock.issuer.token("acme-caller")
    for target in HOSTILE:
        status = await raw(place, target, token)
        assert (target, status, place.reached()) in ((target, 400, {}), (target, 404, {}))


UNKNOWN = (
    "/",
    "/agents",
    "/agents/",
    "/agents/nobody",
    "/agents/ACME/tasks",
    "/agents/acme.http/tasks",
    "/agents/acme_/tasks",
    "/.edge",
    "/agents/nobody/.well-known/agent-card.json",
    "/healthz",
    "/readyz",
    "/metrics",
    "/admin",
    "/realms/master/protocol/openid-connect/token",
    f"{REALM}/account",
    f"{REALM}/protocol/openid-connect/auth",
    f"{REALM}/protocol/openid-connect/token/introspect",
    f"{REALM}/protocol/openid-connect/token/",
)


async def test_what_is_not_there(place: Place, crossdock: System) -> None:
    headers = await crossdock.headers("acme-caller")
    for path in UNKNOWN:
        response = await place.http.get(path, headers=headers)
        assert (path, response.status_code) == (path, 404)
        assert told(response)["status"] == "NOT_FOUND"
    assert not place.keycloak.targets


async def test_orchestrator_is_that_of_the_tokens_customer(place: Place, crossdock: System) -> None:
    for customer in ("acme", "globex"):
        headers = await crossdock.headers(f"{customer}-caller")
        response = await place.http.post("/agents/orchestrator/tasks?a=b", headers=headers)
        assert response.json()["name"] == customer
        assert place.reached() == {customer: ["/tasks?a=b"]}
    card = "/agents/orchestrator/.well-known/agent-card.json"
    assert (await place.http.get(card)).status_code == 401
    assert (await place.http.get(card, headers=headers)).json()["name"] == "globex"
    other = await crossdock.issuer.mint("acme-caller", claims={"customer": "hooli", "aud": "hooli-orchestrator"})
    response = await place.http.get("/agents/orchestrator/tasks", headers={"Authorization": f"Bearer {other}"})
    assert response.status_code == 404
    assert "has no orchestrator" in told(response)["message"]


async def test_documents_are_public_and_nothing_beside_them(place: Place) -> None:
    for document in ("agent-card.json", "agent.json", "jwks.json"):
        path = f"/.well-known/{document}"
        assert (await place.http.get(f"/agents/anomaly{path}?x=y")).status_code == 200
        assert place.reached() == {"anomaly": [path]}
        response = await place.http.post(f"/agents/anomaly{path}")
        assert (response.status_code, told(response)["status"]) == (405, "INVALID_ARGUMENT")
    for path in (
        "/.well-known/other.json",
        "/.well-known/agent-card.json/x",
        "/x/.well-known/agent-card.json",
        "/tasks",
    ):
        assert (await place.http.get(f"/agents/anomaly{path}")).status_code == 401
    assert place.reached() == {}


async def test_who_may_not_come_in_is_told_why(place: Place, crossdock: System) -> None:
    response = await place.http.get("/agents/anomaly/tasks")
    assert response.headers.get_list("WWW-Authenticate") == ['Bearer realm="puppet-agent"']
    assert "Get an access token for puppet-agent" in told(response)["message"]
    for claims, status, words in (
        ({"exp": 1, "iat": 0}, 401, "has expired"),
        ({"aud": "other"}, 401, "not meant for puppet-agent"),
        ({"realm_access": {"roles": []}}, 403, "agent-access is missing"),
    ):
        token = await crossdock.issuer.mint("acme-orchestrator", claims=claims)
        response = await place.http.get("/agents/anomaly/tasks", headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, words in told(response)["message"]) == (status, True)
        assert len(response.headers.get_list("WWW-Authenticate")) == 1
        assert 'error="' in response.headers["WWW-Authenticate"]
    other = await place.http.get("/agents/acme/tasks", headers=await crossdock.headers("globex-caller"))
    assert other.status_code == 401
    assert place.reached() == {}


async def test_internal_headers_pass_in_neither_direction(place: Place, crossdock: System) -> None:
    headers = await crossdock.headers("acme-caller")
    mine = {"Idempotency-Key": "k", "Last-Event-ID": "7", "A2A-Extensions": "urn:x", "crossdock-timeout": "9"}
    forged = {
        "X-Auth-Customer": "globex",
        "X-Crossdock-Card": "globex-orchestrator",
        "X_Auth_Customer": "globex",
        "crossdock-hops": "1",
        "dapr-app-id": "x",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil.test",
        "Forwarded": "for=10.0.0.1",
        "X-Original-URL": "/x",
        "X-Anything": "x",
    }
    response = await place.http.post("/agents/acme/", headers={**headers, **mine, **forged}, content=b"12345")
    assert response.json()["size"] == 5
    (got,) = place.agents["acme"].headers
    assert {name: got[name] for name in (*mine, *headers)} == {**mine, **headers}
    assert got["x-forwarded-for"] == "127.0.0.1"
    assert got["x-forwarded-host"] == place.door.url.removeprefix("https://")
    assert got["x-forwarded-proto"] == "https"
    assert not {name.lower() for name in forged if not name.startswith("X-Forwarded")} & set(got)
    assert not {"via", "x-auth-customer", "x-powered-by", "x-crossdock-card", "crossdock-hops"} & set(response.headers)
    assert response.headers["server"] == "nginx"
    assert response.headers["strict-transport-security"].startswith("max-age=")


async def test_a_trace_goes_on_or_begins(place: Place, crossdock: System) -> None:
    headers = await crossdock.headers("acme-caller")
    whole = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "x=y"}
    await place.http.get("/agents/acme/tasks", headers={**headers, **whole})
    await place.http.get("/agents/acme/tasks", headers={**headers, **whole, "traceparent": "00-nonsense"})
    kept, made = place.agents["acme"].headers
    assert (kept["traceparent"], kept["tracestate"]) == tuple(whole.values())
    assert "tracestate" not in made
    logged = [line["trace_id"] for line in await place.door.requests(2)]
    assert logged == ["a" * 32, made["traceparent"].split("-")[1]]


async def test_the_realm_is_three_pages(place: Place) -> None:
    for path in (
        f"{REALM}/.well-known/openid-configuration",
        f"{REALM}/protocol/openid-connect/certs",
        f"{REALM}/protocol/openid-connect/token",
    ):
        response = await place.http.post(f"{path}?client_secret=x", content=b"grant", auth=("client", "secret"))
        assert (response.status_code, response.json()) == (200, {"name": "keycloak", "size": 5})
        assert place.keycloak.targets.pop() == path
    got = place.keycloak.headers[-1]
    assert got["authorization"].startswith("Basic ")
    assert (got["x-forwarded-proto"], got["host"]) == ("https", place.door.url.removeprefix("https://"))
    response = await place.http.post(f"{REALM}/protocol/openid-connect/token", content=b"x" * 70_000)
    assert (response.status_code, "64 KiB" in told(response)["message"]) == (413, True)


SPELLINGS = (
    "//realms/crossdock/protocol/openid-connect/token",
    "/realms//crossdock/protocol/openid-connect/token",
    "/realms/./crossdock/protocol/openid-connect/token",
    "/realms/x/../crossdock/protocol/openid-connect/token",
    "/%72ealms/crossdock/protocol/openid-connect/token",
    "/realms/%2e/crossdock/protocol/openid-connect/token",
    "/realms/crossdock/protocol/openid-connect/%2e%2e/openid-connect/token",
    "/realms/crossdock/protocol/openid-connect%2ftoken",
    "/realms/crossdock/protocol/openid-connect/token;x=y",
    "/realms/crossdock;x=y/protocol/openid-connect/token",
    "/realms/crossdock/protocol/openid-connect/token/..;/auth",
    "/realms/crossdock/protocol/openid-connect/token/../auth",
    "/realms/crossdock/protocol/openid-connect/token/..%2fauth",
    "/realms/crossdock/protocol/openid-connect/token%3f/../auth",
    "/realms/crossdock/protocol/openid-connect/certs/%2e%2e/userinfo",
    "/realms/crossdock/protocol/openid-connect/token//introspect",
    "/realms/crossdock//protocol/openid-connect/auth",
    "/realms/crossdock/./account",
    "/realms/crossdock/%2e./master/protocol/openid-connect/token",
    "/realms/master//.well-known/openid-configuration",
    "//admin/master/console/",
    "/realms/../admin/realms",
    "/agents/../realms/crossdock/protocol/openid-connect/token",
    "/agents/acme/..;/realms/master",
    "/realms\\crossdock/protocol/openid-connect/token",
    "/REALMS/crossdock/protocol/openid-connect/token",
)


async def test_no_other_spelling_of_a_path_reaches_keycloak(place: Place, crossdock: System) -> None:
    token = await crossdock.issuer.token("acme-caller")
    for target in SPELLINGS:
        status = await raw(place, target, token)
        assert (target, status in {400, 404}, place.keycloak.targets, place.reached()) == (target, True, [], {})


HOST = b"Host: localhost\r\n"
OUTLANDISH = {
    b"TRACE /agents/acme HTTP/1.1\r\n" + HOST: 405,
    b"TRACE /realms/crossdock/protocol/openid-connect/token HTTP/1.1\r\n" + HOST: 405,
    b"FOO /agents/acme/ HTTP/1.1\r\n" + HOST: 405,
    b"FOO /realms/crossdock/protocol/openid-connect/token HTTP/1.1\r\n" + HOST: 405,
    b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST: 405,
    b"POST /agents/acme/.well-known/agent-card.json HTTP/1.1\r\n" + HOST: 405,
    b"GET /agents/acme HTTP/1.1\r\n": 400,
    b"GET /agents/acme HTTP/1.1\r\nHost: a\r\nHost: b\r\n": 400,
    b"GET /../x HTTP/1.1\r\n" + HOST: 400,
    b"G{T / HTTP/1.1\r\n" + HOST: 400,
    b"\0\1\2\r\n": 400,
    b"POST /agents/acme HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n": 400,
    b"POST /agents/acme HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n": 400,
    b"POST /agents/acme HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n": 501,
    b"GET /agents/acme HTTP/3.0\r\n" + HOST: 501,
    b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n" + HOST: 431,
    b"GET /agents/acme HTTP/1.1\r\n" + HOST + b"X-Long: " + b"x" * 40_000 + b"\r\n": 431,
    b"POST /agents/acme HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\n": 413,
    b"POST /realms/crossdock/protocol/openid-connect/token HTTP/1.1\r\n" + HOST + b"Content-Length: 99999\r\n": 413,
}


@pytest.mark.parametrize("bad", [b"\x01", b"\x1f", b"\x7f", b"\xff", "é".encode()])
async def test_a_token_that_no_header_may_hold_is_refused(place: Place, crossdock: System, bad: bytes) -> None:
    token = (await crossdock.issuer.token("acme-caller")).encode()
    for credentials in (b"Bearer " + bad, b"Bearer " + token + bad, bad + b"Bearer " + token, bad):
        head = b"POST /agents/acme HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n"
        answer = await place.door.sent(head + b"Authorization: " + credentials + b"\r\n\r\n{}")
        assert (answer.status_code, told(answer)["status"]) == (401, "UNAUTHENTICATED")
        assert place.reached() == {}


@pytest.mark.parametrize("tls", [True, False])
async def test_what_nginx_says_itself_is_json_too(place: Place, tls: bool) -> None:
    for request, status in OUTLANDISH.items():
        answer = await place.door.sent(request + b"\r\n", tls=tls)
        if not tls and answer.status_code == 308:
            continue
        assert (request[:60], answer.status_code) == (request[:60], status)
        assert told(answer)["status"] in {"INVALID_ARGUMENT", "UNIMPLEMENTED"}


async def test_plain_http_is_sent_to_https(place: Place, crossdock: System) -> None:
    plain = crossdock.http(base_url=f"http://127.0.0.1:{place.door.ports['8080']}", headers={"Host": "evil.test"})
    response = await plain.post("/agents/acme/tasks?a=b")
    assert (response.status_code, response.headers["Location"]) == (308, f"{place.door.url}/agents/acme/tasks?a=b")


async def test_limits_of_a_request(place: Place, crossdock: System) -> None:
    headers = await crossdock.headers("acme-caller")
    whole = 48 * 1024 * 1024
    assert (await place.http.post("/agents/acme/", headers=headers, content=b"x" * whole)).json()["size"] == whole
    response = await place.http.post("/agents/acme/", headers=headers, content=b"x" * (whole + 1))
    assert (response.status_code, "48 MiB" in told(response)["message"]) == (413, True)
    response = await place.http.get("/agents/acme/tasks", headers={**headers, "X-Long": "x" * 40_000})
    assert (response.status_code, "32 KiB" in told(response)["message"]) == (431, True)


async def test_neither_token_nor_query_is_logged(place: Place, crossdock: System) -> None:
    headers = await crossdock.headers("acme-caller")
    token = headers["Authorization"].removeprefix("Bearer ")
    await place.http.get("/agents/orchestrator/tasks?secret=hunter2", headers=headers)
    for path in (f"/agents/acme/tasks?access_token={token}", f"/agents/acme/{token}/tasks", f"/agents/acme?q={token}"):
        response = await place.http.get(path, headers=headers)
        assert (response.status_code, "header Authorization" in told(response)["message"]) == (400, True)
    line, *_ = await place.door.requests(4)
    logs = await place.door.logs()
    assert token not in logs
    assert token.split(".")[2] not in logs
    assert "hunter2" not in logs
    assert (line["customer"], line["name"], line["path"]) == ("acme", "orchestrator", "/agents/orchestrator/tasks")
    assert (line["status"], line["method"]) == (200, "GET")
