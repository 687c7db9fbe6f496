"""Too many requests, and replicas that go and come: what callers get, and what is sent how often."""

import asyncio
import contextlib
import re
import socket
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import httpx

from crossdock.settings import ServiceSettings
from tests.support.echo import Echo
from tests.support.executors import message
from tests.support.gateway import SOURCE, Gateway, becomes
from tests.support.grpc_channels import a2a_stub, refused
from tests.support.serving import free_port, serve
from tests.support.system import System

BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


async def test_requests_are_counted_by_token(door: Gateway, crossdock: System) -> None:
    door.add("acme", "acme-orchestrator", await crossdock.serve(Echo("acme")))
    await door.start(REQUESTS_PER_MINUTE="20", REQUEST_BURST="4")
    http = door.http()
    one, same_customer = await crossdock.headers("acme-caller"), await crossdock.headers("acme-caller")
    assert one != same_customer
    answers = [await http.get("/agents/acme/tasks", headers=one) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert (await http.get("/agents/acme/tasks", headers=same_customer)).status_code == 200
    statuses = [(await http.get("/agents/acme/.well-known/agent-card.json")).status_code for _ in range(40)]
    assert set(statuses) == {200}
    assert await becomes(http, "/agents/acme/tasks", one, 200) == 200


def elsewhere(door: Gateway) -> httpx.AsyncClient:
    """A caller at another address."""
    return door.http(transport=httpx.AsyncHTTPTransport(verify=door.tls, local_address="127.0.0.2"))


async def test_a_token_is_counted_once_wherever_it_comes_from(door: Gateway, crossdock: System) -> None:
    echo = Echo("acme")
    door.add("acme", "acme-orchestrator", await crossdock.serve(echo))
    await door.start(REQUESTS_PER_MINUTE="20", REQUEST_BURST="4")
    here, there = door.http(), elsewhere(door)
    one, other = await crossdock.headers("acme-caller"), await crossdock.headers("acme-caller")
    for caller, status in (
        (here, 200),
        (there, 200),
        (here, 200),
        (there, 200),
        (here, 200),
        (there, 429),
        (here, 429),
    ):
        answer = await caller.get("/agents/acme/tasks", headers=one)
        assert answer.status_code == status
    assert (answer.headers["Retry-After"], answer.json()["error"]["code"]) == ("1", 429)
    assert {line["x-forwarded-for"] for line in echo.headers[-5:]} == {"127.0.0.1", "127.0.0.2"}
    for caller in (here, there):
        assert (await caller.get("/agents/acme/tasks", headers=other)).status_code == 200


async def test_tokens_that_are_refused_are_counted_by_address(door: Gateway, crossdock: System) -> None:
    """Else each invented one had a count of its own, and pushed those of good ones out."""
    door.add("acme", "acme-orchestrator", await crossdock.serve(Echo("acme")))
    await door.start(REQUESTS_PER_MINUTE="60", REQUEST_BURST="20")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    tokens = [await crossdock.issuer.mint("acme-caller", claims={"aud": f"nobody-{number}"}) for number in range(250)]
    answers = [await http.get("/agents/acme/tasks", headers={"Authorization": f"Bearer {each}"}) for each in tokens]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:100] == [401] * 100
    assert set(statuses[100:]) == {401, 429}
    assert statuses.count(429) > 50
    refused = answers[statuses.index(429)]
    assert (refused.headers["Retry-After"], refused.json()["error"]["status"]) == ("1", "RESOURCE_EXHAUSTED")
    assert {(await http.get("/agents/acme/tasks", headers=headers)).status_code for _ in range(10)} == {200}
    assert (await elsewhere(door).get("/agents/acme/tasks")).status_code == 401


def respelled(headers: dict[str, str]) -> dict[str, str]:
    """The same token: some bits of its last letter mean nothing."""
    bearer = headers["Authorization"]
    letter = BASE64URL[BASE64URL.index(bearer[-1]) ^ 1]
    return {**headers, "Authorization": bearer[:-1] + letter}


async def test_a_token_is_counted_once_however_it_is_spelled(door: Gateway, crossdock: System) -> None:
    door.add("acme", "acme-orchestrator", await crossdock.serve(Echo("acme")))
    await door.start(REQUESTS_PER_MINUTE="20", REQUEST_BURST="4")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    answers = [await http.get("/agents/acme/tasks", headers=headers) for _ in range(5)]
    answers.append(await http.get("/agents/acme/tasks", headers=respelled(headers)))
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


async def test_pages_that_ask_for_no_token_are_counted_by_address(door: Gateway, crossdock: System) -> None:
    door.add("acme", "acme-orchestrator", await crossdock.serve(Echo("acme")))
    await door.start(REQUESTS_PER_MINUTE="1", REQUEST_BURST="1")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    statuses = [
        (await http.get("/agents/acme/.well-known/agent-card.json", headers=headers)).status_code for _ in range(5)
    ]
    assert set(statuses) == {200}


async def test_agents_without_an_address_or_an_answer(door: Gateway, crossdock: System) -> None:
    url = await crossdock.serve(Echo("acme"))
    door.add("acme", "acme-orchestrator", url, answers=False)
    door.add("dead", "acme-orchestrator", f"http://127.0.0.1:{free_port()}", answers=False)
    del door.names.addresses["acme.test"]
    await door.start(REQUESTS_PER_MINUTE="6000")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    for name in ("acme", "dead"):
        for method in ("GET", "POST"):
            response = await http.request(method, f"/agents/{name}/tasks", headers=headers)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
            assert response.json()["error"]["status"] == "UNAVAILABLE"
    door.names.addresses["acme.test"] = ["127.0.0.1"]
    assert await becomes(http, "/agents/acme/tasks", headers, 200) == 200
    door.names.addresses["acme.test"] = []
    assert await becomes(http, "/agents/acme/tasks", headers, 503) == 503


async def test_tokens_that_cannot_be_checked(door: Gateway, crossdock: System) -> None:
    acme = Echo("acme")
    door.add("acme", "acme-orchestrator", await crossdock.serve(acme))
    await door.start(REQUESTS_PER_MINUTE="6000")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    crossdock.issuer.down = True
    response = await http.get("/agents/acme/tasks", headers=headers)
    assert (response.status_code, int(response.headers["Retry-After"]) > 0) == (503, True)
    assert "issuer does not answer" in response.json()["error"]["message"]
    crossdock.issuer.down = False
    assert await becomes(http, "/agents/acme/tasks", headers, 200) == 200
    crossdock.issuer.down = True
    assert (await http.get("/agents/acme/tasks", headers=headers)).status_code == 200
    door.names.addresses["edge"] = []
    assert await becomes(http, "/agents/acme/tasks", headers, 503) == 503
    acme.targets.clear()
    response = await http.get("/agents/acme/tasks", headers=headers)
    assert (response.status_code, acme.targets) == (503, [])
    assert (await http.get("/agents/acme/.well-known/agent-card.json")).status_code == 200


@dataclass
class Falling:
    """Reads a request and closes the connection, as a replica does that dies at work."""

    requests: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
        writer.close()


@asynccontextmanager
async def listening(falling: Falling, host: str, port: int) -> AsyncIterator[None]:
    server = await asyncio.start_server(falling.serve, host, port)
    async with server:
        yield


async def test_what_a_replica_was_sent_is_sent_to_no_other(door: Gateway, crossdock: System) -> None:
    falling, echo, port = Falling(), Echo("acme"), free_port()
    door.add("acme", "acme-orchestrator", f"http://127.0.0.1:{port}", answers=False)
    door.names.addresses["acme.test"] = ["127.0.0.2", "127.0.0.3"]
    await door.start(REQUESTS_PER_MINUTE="60000", REQUEST_BURST="1000")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    async with serve(echo, socket.create_server(("127.0.0.3", port))):
        assert await becomes(http, "/agents/acme/tasks", headers, 200) == 200
        echo.targets.clear()
        async with listening(falling, "127.0.0.2", port):
            statuses = []
            async with asyncio.timeout(20):
                while falling.requests < 1:
                    statuses.append((await http.post("/agents/acme/", headers=headers, content=b"x")).status_code)
            assert (statuses.count(503), statuses.count(200)) == (falling.requests, len(echo.targets))
            assert falling.requests + len(echo.targets) == len(statuses)
            async with asyncio.timeout(20):
                while falling.requests < 2:
                    assert (await http.get("/agents/acme/tasks", headers=headers)).status_code == 200
        statuses = [(await http.post("/agents/acme/", headers=headers, content=b"x")).status_code for _ in range(20)]
        assert set(statuses) == {200}


async def test_a_replica_that_fails_at_a_request_is_there_for_the_next(door: Gateway, crossdock: System) -> None:
    """Else one customer whose requests make replicas fail took them from the others."""
    falling, port = Falling(), free_port()
    door.add("acme", "acme-orchestrator", f"http://127.0.0.1:{port}", answers=False)
    door.names.addresses["acme.test"] = ["127.0.0.2", "127.0.0.3"]
    await door.start(REQUESTS_PER_MINUTE="60000", REQUEST_BURST="1000")
    http, headers = door.http(), await crossdock.headers("acme-caller")
    async with listening(falling, "127.0.0.2", port), listening(falling, "127.0.0.3", port):
        await reached(http, falling, headers)
        falling.requests = 0
        statuses = [(await http.post("/agents/acme/", headers=headers, content=b"x")).status_code for _ in range(6)]
    assert (statuses, falling.requests) == ([503] * 6, 6)


async def reached(http: httpx.AsyncClient, falling: Falling, headers: dict[str, str]) -> None:
    """Returns as soon as the gateway knows the replicas."""
    async with asyncio.timeout(10):
        while not falling.requests:
            await http.post("/agents/acme/", headers=headers, content=b"x")
            await asyncio.sleep(0.05)


async def test_a_replica_that_fails_over_grpc_is_there_for_the_next(door: Gateway, crossdock: System) -> None:
    falling, port = Falling(), free_port()
    door.add("acme", "acme-orchestrator", f"http://127.0.0.1:{port}", port, answers=False)
    door.names.addresses["acme.test"] = ["127.0.0.2", "127.0.0.3"]
    await door.start(REQUESTS_PER_MINUTE="60000", REQUEST_BURST="1000")
    headers = await crossdock.headers("acme-caller")
    metadata = {name.lower(): value for name, value in headers.items()}
    client = a2a_stub(door.channel("acme.grpc.localhost", metadata))
    async with listening(falling, "127.0.0.2", port), listening(falling, "127.0.0.3", port):
        await reached(door.http(), falling, headers)
        falling.requests = 0
        codes = [(await refused(client.SendMessage(message()))).code() for _ in range(6)]
    assert (codes, falling.requests) == ([grpc.StatusCode.UNAVAILABLE] * 6, 6)


MALFORMED: list[tuple[str, dict[str, str]]] = [
    ("GET", {}),
    ("PUT", {}),
    ("POST", {"te": ""}),
    ("POST", {"te": "gzip"}),
    ("POST", {"content-type": "text/plain"}),
    ("POST", {"content-type": "application/grpc-web"}),
]


async def test_what_is_not_grpc_reaches_no_replica(door: Gateway, crossdock: System) -> None:
    """gRPC servers reset its streams."""
    falling, port = Falling(), free_port()
    door.add("acme", "acme-orchestrator", f"http://127.0.0.1:{port}", port, answers=False)
    await door.start()
    headers = await crossdock.headers("acme-caller")
    whole = {**headers, "te": "trailers", "content-type": "application/grpc", "Host": "acme.grpc.localhost"}
    async with listening(falling, "127.0.0.1", port):
        http = door.http()
        await reached(http, falling, headers)
        falling.requests = 0
        for method, changed in MALFORMED:
            answer = await grpc_over_http(http, method, {**whole, **changed})
            assert (method, changed, answer.status_code) == (method, changed, 200)
            assert (answer.headers["grpc-status"], falling.requests) == ("3", 0)
            assert "as gRPC over HTTP/2 does" in answer.headers["grpc-message"]
        assert (await grpc_over_http(http, "POST", whole)).headers["grpc-status"] == "14"
        assert falling.requests == 1


async def grpc_over_http(http: httpx.AsyncClient, method: str, headers: dict[str, str]) -> httpx.Response:
    return await http.request(
        method,
        "/lf.a2a.v1.A2AService/ListTasks",
        headers=headers,
        content=b"\0\0\0\0\0",
        extensions={"sni_hostname": "acme.grpc.localhost"},
    )


async def test_a_body_that_rests_is_a_readable_408(door: Gateway, crossdock: System) -> None:
    """Of the service's, which is sooner: nginx would close the connection without a word."""
    agent = await crossdock.agent(body_seconds=0.5)
    door.add("anomaly", "puppet-agent", agent.url)
    await door.start()
    token = (await crossdock.headers())["Authorization"]
    head = f"POST /agents/anomaly/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Length: 9\r\n\r\n"
    answer = await door.sent(head.encode() + b"{")
    assert (answer.status_code, answer.headers["Content-Type"]) == (408, "application/json")
    assert answer.json()["error"]["status"] == "DEADLINE_EXCEEDED"
    seconds = re.search(r"client_body_timeout (\d+)s;", (SOURCE / "nginx.conf").read_text())
    assert seconds
    assert int(seconds[1]) > ServiceSettings.model_fields["body_seconds"].default


async def test_what_fails_is_logged_without_token_and_query(door: Gateway, crossdock: System) -> None:
    door.add("acme", "acme-orchestrator", await crossdock.serve(Echo("acme")))
    door.add("dead", "acme-orchestrator", f"http://127.0.0.1:{free_port()}", answers=False)
    await door.start()
    headers = await crossdock.headers("acme-caller")
    token = headers["Authorization"].removeprefix("Bearer ")
    headers["Referer"] = f"https://localhost/?token={token}"
    for path, size, status in (
        ("/realms/crossdock/protocol/openid-connect/token", 100_000, 413),
        ("/agents/acme/tasks", 49 * 1024 * 1024, 413),
        ("/agents/dead/tasks", 100_000, 503),
    ):
        url = f"{path}?client_secret=hunter2"
        answer = await door.http().post(url, headers=headers, content=b"x" * size)
        assert (path, answer.status_code) == (path, status)
    *_, failed = await door.requests(3)
    assert (failed["status"], failed["upstream_status"]) == (503, "502")
    logs = await door.logs()
    assert [secret for secret in ("hunter2", token, token.split(".")[2], "referrer") if secret in logs] == []
