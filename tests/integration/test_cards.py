"""Agent Cards over the wire: cacheable, true about their interfaces, and without a secret."""

from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.types import AgentCard, GetExtendedAgentCardRequest, TaskState

from crossdock.cards.building import CARD_PATHS
from crossdock.extensions import EVENT_NUMBER, IDEMPOTENCY, LIMITS, PROGRESS, PUSH, RESUMABLE, SKILL
from crossdock.parts import plain
from crossdock.tasks.memory import MemoryJournal
from tests.support.executors import message
from tests.support.grpc_channels import channel
from tests.support.obligations import obliges
from tests.support.orchestration import orchestrator
from tests.support.system import Agent, System
from tests.support.wire import BINDINGS, JSONRPC, card_at, finish, rpc, sdk_client


@pytest.fixture
async def agent(crossdock: System) -> Agent:
    return await crossdock.agent()


@pytest.fixture(params=CARD_PATHS)
def card_url(request: pytest.FixtureRequest, agent: Agent) -> str:
    return f"{agent.url}{request.param}"


@obliges("8.6.1-cached")
async def test_a_copy_is_good_until_the_card_changes(crossdock: System, card_url: str) -> None:
    http = crossdock.http()
    whole = await http.get(card_url)
    assert whole.headers["cache-control"] == "public, max-age=300"
    assert whole.headers["content-type"] == "application/json"
    tag = whole.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        fresh = await http.get(card_url, headers={"If-None-Match": given})
        assert (fresh.status_code, fresh.content, fresh.headers["etag"]) == (304, b"", tag)
        assert fresh.headers["cache-control"] == whole.headers["cache-control"]
    stale = await http.get(card_url, headers={"If-None-Match": '"other"'})
    assert (stale.status_code, stale.content) == (200, whole.content)


@obliges("8.6.1-cached")
async def test_a_copy_is_good_since_the_card_was_made(crossdock: System, card_url: str) -> None:
    http = crossdock.http()
    modified = (await http.get(card_url)).headers["last-modified"]
    since = parsedate_to_datetime(modified)
    earlier = format_datetime(since - timedelta(seconds=1), usegmt=True)
    later = format_datetime(since + timedelta(hours=1), usegmt=True)
    for given, status in [(modified, 304), (later, 304), (earlier, 200), ("yesterday", 200), ("", 200)]:
        assert (await http.get(card_url, headers={"If-Modified-Since": given})).status_code == status
    both = {"If-None-Match": '"other"', "If-Modified-Since": later}
    assert (await http.get(card_url, headers=both)).status_code == 200


async def test_head_says_the_same_without_the_card(crossdock: System, card_url: str) -> None:
    http = crossdock.http()
    whole, head = await http.get(card_url), await http.head(card_url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "last-modified", "cache-control", "content-length"):
        assert head.headers[name] == whole.headers[name]


async def test_both_paths_have_the_same_card(crossdock: System, agent: Agent) -> None:
    first, second = [await crossdock.http().get(agent.url + path) for path in CARD_PATHS]
    assert first.content == second.content


async def test_the_card_is_readable_for_older_clients(crossdock: System, agent: Agent) -> None:
    card = (await crossdock.http().get(agent.url + CARD_PATHS[1])).json()
    assert (card["protocolVersion"], card["url"], card["preferredTransport"]) == ("0.3", agent.url, JSONRPC)


@pytest.mark.parametrize("served", ["agent", "orchestrator"])
@obliges("5.2-declared")
async def test_every_interface_is_served_as_it_is_declared(crossdock: System, served: str) -> None:
    url, client_id = (
        ((await crossdock.agent()).url, "acme-orchestrator")
        if served == "agent"
        else ((await orchestrator(crossdock)).url, "acme-caller")
    )
    token = {"Authorization": (await crossdock.headers(client_id))["Authorization"]}
    http = crossdock.http(headers=token)
    card = await card_at(http, url)
    declared = {(item.protocol_binding, item.protocol_version) for item in card.supported_interfaces}
    assert declared == {(binding, version) for binding in BINDINGS for version in ("1.0", "0.3")}
    for interface in list(card.supported_interfaces):
        only = AgentCard()
        only.CopyFrom(card)
        del only.supported_interfaces[:]
        only.supported_interfaces.append(interface)
        config = ClientConfig(
            httpx_client=http,
            grpc_channel_factory=lambda address: channel(crossdock, address, token),
            supported_protocol_bindings=[interface.protocol_binding],
        )
        task = await finish(ClientFactory(config).create(only), message("complete"))
        assert task.status.state == TaskState.TASK_STATE_COMPLETED, interface


@obliges("13.3-extended")
async def test_the_extended_card_needs_a_token(crossdock: System, agent: Agent) -> None:
    http = crossdock.http(headers={"A2A-Version": "1.0"})
    for path in ("/extendedAgentCard", "/v1/card"):
        refused = await http.get(agent.url + path)
        assert refused.status_code == httpx.codes.UNAUTHORIZED
        assert refused.headers["www-authenticate"].startswith("Bearer")
    for method in ("GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard"):
        assert (await http.post(agent.url, json=rpc(method, {}))).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("binding", BINDINGS)
async def test_the_extended_card_holds_the_limits(crossdock: System, binding: str, version: str) -> None:
    agent = await crossdock.agent(max_file=12_345, streams_per_customer=7)
    sdk = await sdk_client(crossdock, agent.url, binding, version=version)
    extended = await sdk.get_extended_agent_card(GetExtendedAgentCardRequest())
    (limits,) = [item for item in extended.capabilities.extensions if item.uri == LIMITS]
    assert not limits.required
    assert plain(limits.params) == {
        "maxRequestBytes": 48 * 1024 * 1024,
        "maxFileBytes": 12_345,
        "taskSeconds": 600,
        "interruptedSeconds": 86_400,
        "retentionSeconds": 3_600,
        "streamsPerCustomer": 7,
    }
    public = await card_at(crossdock.http(), agent.url)
    assert {item.uri for item in public.capabilities.extensions} == {SKILL, PROGRESS, EVENT_NUMBER, IDEMPOTENCY, PUSH}
    assert [skill.id for skill in extended.skills] == [skill.id for skill in public.skills]


class Durable(MemoryJournal):
    durable = True


async def test_only_a_journal_that_outlives_the_process_makes_tasks_resumable(crossdock: System) -> None:
    agent = await crossdock.agent(journal=Durable())
    public = await card_at(crossdock.http(), agent.url)
    (declared,) = [item for item in public.capabilities.extensions if item.uri == RESUMABLE]
    assert plain(declared.params) == {"act": "never", "other": "never"}


@obliges("14.3-secret")
async def test_a_card_declares_how_to_authenticate_and_holds_no_secret(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    secrets = [path.read_text().strip() for path in (Path(crossdock.issuer.folder) / "secrets").iterdir()]
    assert secrets
    headers = await crossdock.headers("acme-caller")
    for url in (served.url, served.puppet.url):
        text = (await crossdock.http().get(url + CARD_PATHS[0])).text
        extended = await crossdock.http().get(f"{served.url}/extendedAgentCard", headers=headers)
        assert extended.status_code == httpx.codes.OK
        for secret in [*secrets, str(crossdock.issuer.folder)]:
            assert secret not in text + extended.text
        card = await card_at(crossdock.http(), url)
        (scheme,) = card.security_schemes.values()
        issuer = scheme.open_id_connect_security_scheme.open_id_connect_url
        assert issuer == "http://issuer.test/.well-known/openid-configuration"
        assert [list(item.schemes) for item in card.security_requirements] == [list(card.security_schemes)]
