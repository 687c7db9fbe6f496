"""The client against real sockets that are cut, silent or gone."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from a2a.types import Message, Task, TaskArtifactUpdateEvent, TaskState
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.auth.tokens import BearerAuth, GivenToken
from crossdock.cards.building import CARD_PATHS
from crossdock.cards.caching import CardCache
from crossdock.client import patience
from crossdock.client.breaker import CircuitBreaker
from crossdock.client.conversation import Heard
from crossdock.client.patience import Away
from crossdock.errors import Failed, Forbidden, Rejected, TryLater, Unauthenticated
from crossdock.server.card_routes import card_routes
from crossdock.server.service import Service
from crossdock.tasks.events import Event, fold, is_resting
from crossdock.tasks.journal import Accepted, JournalDown, QueueFull, Snapshot, TaskUnknown
from crossdock.tasks.memory import MemoryJournal
from tests.support.cutting import cutter
from tests.support.executors import message
from tests.support.system import System, puppet_card


async def collect(events) -> list[Event]:  # type: ignore[no-untyped-def]
    return [event async for event in events]


def folded(events: list[Event]) -> Task:
    task = Task()
    for event in events:
        fold(task, event)
    return task


@pytest.mark.parametrize("after", [1000, 1300, 1700, 2100, 2600])
async def test_a_cut_stream_goes_on_without_a_gap_or_a_repeat(crossdock: System, after: int) -> None:
    agent = await crossdock.agent()
    whole = folded(await collect(crossdock.client(agent.url).send(message("chunks").message)))
    async with cutter(agent.url) as (line, url):
        client = crossdock.client(url)
        await client.card()
        line.after, line.cuts = after, 3
        events = await collect(client.send(message("chunks").message))
        assert line.cuts < 3, "nothing was cut"
    task = folded(events)
    assert [part.text for part in task.artifacts[0].parts] == [part.text for part in whole.artifacts[0].parts]
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    chunks = [event for event in events if isinstance(event, TaskArtifactUpdateEvent)]
    texts = Counter(part.text for chunk in chunks for part in chunk.artifact.parts)
    assert set(texts.values()) == {1}
    assert sum(is_resting(event) for event in events) == 1
    assert len(agent.work.requests) == 2, "the request was sent again"


async def test_a_stream_cut_at_work_is_resumed(crossdock: System) -> None:
    agent = await crossdock.agent()
    async with cutter(agent.url) as (line, url):
        client = crossdock.client(url)
        events = client.send(message("wait").message)
        first = await anext(events)
        assert isinstance(first, Task)
        await agent.work.working.wait()
        line.cut_all()
        rest = asyncio.create_task(collect(events))
        await crossdock.client(agent.url).cancel(first.id)
        async with asyncio.timeout(20):
            last = (await rest)[-1]
    assert last.status.state == TaskState.TASK_STATE_CANCELED  # type: ignore[union-attr]


async def test_an_agent_that_is_away_for_a_while_is_waited_for(crossdock: System) -> None:
    """As long as a takeover takes, and although the circuit opens meanwhile."""
    agent = await crossdock.agent()
    async with cutter(agent.url) as (line, url):
        client = crossdock.client(url)
        events = client.send(message("wait").message)
        first = await anext(events)
        assert isinstance(first, Task)
        await agent.work.working.wait()
        line.down, before = True, line.connections
        line.cut_all()
        rest = asyncio.create_task(collect(events))
        keyed = asyncio.create_task(collect(client.send(message("complete").message, key="k")))
        async with asyncio.timeout(20):
            while line.connections < before + 10:  # noqa: ASYNC110 - the line tells nobody
                await asyncio.sleep(0.05)
        line.down = False
        async with asyncio.timeout(20):
            await keyed
            await crossdock.client(agent.url).cancel(first.id)
            last = (await rest)[-1]
    assert last.status.state == TaskState.TASK_STATE_CANCELED  # type: ignore[union-attr]


async def until_away(events: AsyncGenerator[Heard]) -> str:
    async for event in events:
        if isinstance(event, Away):
            return event.text
    raise AssertionError("nothing was said of it")


@pytest.fixture
def soon_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "UNTOLD_SECONDS", 0.5)


@pytest.mark.usefixtures("soon_told")
async def test_an_agent_is_waited_for_as_long_as_there_is_time_and_that_is_said(crossdock: System) -> None:
    agent = await crossdock.agent()
    running = crossdock.client(agent.url).send(message("wait").message)
    first = await anext(running)
    assert isinstance(first, Task)
    async with cutter(agent.url) as (line, url):
        new, known = crossdock.client(url), crossdock.client(url)
        line.down = True  # neither has even seen the card
        conversations = [new.send(message("complete").message, key="k"), known.resume(first.id)]
        for told in await asyncio.gather(*map(until_away, conversations)):
            assert told == f"{url} cannot be reached at present. Trying again until the task's time is over."
        line.down = False
        async with asyncio.timeout(20):
            assert folded(await collect(conversations[0])).status.state == TaskState.TASK_STATE_COMPLETED
            await crossdock.client(agent.url).cancel(first.id)
            assert folded(await collect(conversations[1])).status.state == TaskState.TASK_STATE_CANCELED


@pytest.mark.usefixtures("soon_told")
async def test_an_agent_that_stays_away_is_named_when_the_time_is_over(crossdock: System) -> None:
    agent = await crossdock.agent()
    async with cutter(agent.url) as (line, url):
        line.down = True
        client = crossdock.client(url)
        with pytest.raises(TryLater, match="cannot be reached at present, and the task's time is over"):
            await collect(client.send(message("complete").message, key="k", seconds=1))


@pytest.mark.usefixtures("soon_told")
async def test_a_busy_agent_is_waited_for(crossdock: System) -> None:
    class Full(MemoryJournal):
        full = True

        async def create(self, *args: Any, **options: Any) -> Accepted:
            if self.full:
                raise QueueFull
            return await super().create(*args, **options)

        async def get(self, *args: Any, **options: Any) -> Snapshot:
            if self.full:
                raise JournalDown
            return await super().get(*args, **options)

    journal = Full()
    agent = await crossdock.agent(journal=journal)
    client = crossdock.client(agent.url)
    with pytest.raises(TryLater, match="is busy"):
        await collect(client.send(message("complete").message))
    conversation = client.send(message("complete").message, key="k")
    assert "is busy at present" in await until_away(conversation)
    journal.full = False
    task = folded(await collect(conversation))
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    journal.full = True
    conversation = client.resume(task.id)
    assert "is busy at present" in await until_away(conversation)
    journal.full = False
    assert folded(await collect(conversation)).status.state == TaskState.TASK_STATE_COMPLETED


async def test_a_request_that_was_never_seen_is_sent_again(crossdock: System) -> None:
    agent = await crossdock.agent()
    client = crossdock.client(agent.url)
    await client.card()
    refused = crossdock.client("http://127.0.0.1:9", attempts=2)
    with pytest.raises(TryLater):
        await collect(refused.send(message().message))
    assert await collect(client.send(message().message))


async def test_an_answer_that_was_lost_is_asked_for_again_with_a_key_only(crossdock: System) -> None:
    agent = await crossdock.agent()
    async with cutter(agent.url) as (line, url):
        client = crossdock.client(url)
        await client.card()
        line.cuts = 1
        with pytest.raises(TryLater):
            await collect(client.send(message("chunks").message))
        assert line.cuts == 0
        line.cuts = 2
        task = folded(await collect(client.send(message("chunks").message, key="k")))
        assert line.cuts == 0
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert [part.text for part in task.artifacts[0].parts] == ["0", "1", "2", "3", "4"]
    assert len(agent.work.requests) == 2, "the request with the key was worked twice"


async def test_a_key_gives_what_was_sent_before(crossdock: System) -> None:
    agent = await crossdock.agent()
    client = crossdock.client(agent.url)
    first = folded(await collect(client.send(message("ask me").message, key="one")))
    answer = message("ask again", task_id=first.id).message
    for _ in range(2):
        asked = await collect(client.send(answer, key="two"))
        assert folded(asked).status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    last = message("complete that", task_id=first.id).message
    ended = [folded(await collect(client.send(last, key="three"))) for _ in range(2)]
    assert ended[0].status.state == TaskState.TASK_STATE_COMPLETED
    assert ended[1].artifacts == ended[0].artifacts
    assert len(agent.work.requests) == 3
    with pytest.raises(Rejected, match="take a new key"):
        await collect(client.send(answer, key="three"))


async def test_a_task_is_taken_up_by_its_id(crossdock: System) -> None:
    agent = await crossdock.agent()
    running = crossdock.client(agent.url).send(message("wait").message)
    first = await anext(running)
    assert isinstance(first, Task)
    await agent.work.working.wait()
    client = crossdock.client(agent.url)
    taken_up = asyncio.create_task(collect(client.resume(first.id)))
    await crossdock.client(agent.url).cancel(first.id)
    async with asyncio.timeout(10):
        events = await taken_up
    assert isinstance(events[0], Task)
    assert folded(events).status.state == TaskState.TASK_STATE_CANCELED
    (only,) = await collect(client.resume(first.id))
    assert only == (await client.get(first.id))
    with pytest.raises(TaskUnknown):
        await collect(client.resume("unknown"))


async def test_errors_are_told_in_our_own_terms(crossdock: System) -> None:
    agent = await crossdock.agent()
    client = crossdock.client(agent.url)
    with pytest.raises(TaskUnknown):
        await client.get("unknown")
    with pytest.raises(TaskUnknown):
        await client.cancel("unknown")
    with pytest.raises(Rejected):
        await collect(client.send(Message(message_id="m")))
    other = crossdock.client(agent.url, "acme-caller")
    with pytest.raises(Unauthenticated):
        await other.get("unknown")
    named = message().message
    named.metadata.update({"urn:crossdock:skill:v1": "unheard-of"})
    with pytest.raises(Rejected, match="Name one of: act, other"):
        await collect(client.send(named))


async def test_a_missing_right_is_forbidden(crossdock: System) -> None:
    agent = await crossdock.agent()
    client = crossdock.client(agent.url)
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": []}})
    client._http.auth = BearerAuth(GivenToken(token), origins=[agent.url])
    with pytest.raises(Forbidden):
        await client.get("unknown")


async def test_the_deadline_cancels_the_task_there(crossdock: System) -> None:
    agent = await crossdock.agent()
    client = crossdock.client(agent.url)
    with pytest.raises(Failed, match="within"):
        await collect(client.send(message("wait").message, seconds=0.5))
    async with asyncio.timeout(5):
        await agent.work.interrupted.wait()


async def test_a_dead_agent_opens_the_circuit() -> None:
    now = [0.0]
    breaker = CircuitBreaker("puppet", failures=2, first=10, longest=30, clock=lambda: now[0])
    breaker.failed()
    breaker.admit()
    breaker.failed()
    with pytest.raises(TryLater, match="in 10 s"):
        breaker.admit()
    for pause in (20, 30, 30):
        now[0] += pause
        breaker.admit()
        with pytest.raises(TryLater):
            breaker.admit()
        breaker.failed()
        breaker.failed()  # one that was under way before says nothing new
        with pytest.raises(TryLater, match=f"in {pause} s"):
            breaker.admit()
    now[0] += 30
    breaker.admit()
    breaker.succeeded()
    breaker.admit()


async def test_an_open_circuit_asks_nobody(crossdock: System) -> None:
    agent = await crossdock.agent()
    async with cutter(agent.url) as (line, url):
        client = crossdock.client(url, attempts=1)
        await client.card()
        line.cut_all()
        line.down = True
        for _ in range(5):
            with pytest.raises(TryLater):
                await client.get("unknown")
        before = line.connections
        with pytest.raises(TryLater, match=r"cannot be reached at present\. Send the request again in"):
            await client.get("unknown")
        assert line.connections == before


async def test_a_card_is_asked_for_once_and_then_checked(crossdock: System) -> None:
    from starlette.applications import Starlette

    seen: Counter[int] = Counter()

    async def count(response: httpx.Response) -> None:
        seen[response.status_code] += 1

    url = await crossdock.serve(Starlette(routes=card_routes(puppet_card("http://puppet.test"))))
    now = [0.0]
    http = crossdock.http(event_hooks={"response": [count]})
    cards = CardCache(http, clock=lambda: now[0])
    await asyncio.gather(*(cards.get(url) for _ in range(10)))
    assert seen == {200: 1}
    now[0] = 301.0
    assert (await cards.get(url)).name == "puppet-agent"
    assert seen == {200: 1, 304: 1}


async def test_a_public_card_waits_for_no_token(crossdock: System) -> None:
    agent = await crossdock.agent()
    crossdock.issuer.down = True
    assert (await crossdock.client(agent.url).card()).name == "puppet-agent"


async def test_a_card_that_is_not_public_is_read_with_a_token(crossdock: System) -> None:
    """As at the gateway that of the caller's own orchestrator, whose customer stands in the token."""
    agent = await crossdock.agent(wrap=guarded)
    assert (await crossdock.client(agent.url).card()).name == "puppet-agent"


def guarded(service: Service) -> ASGIApp:
    """Its cards alone: everything else asks for a token anyway."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] != "http" or "authorization" in Headers(scope=scope)
        await (service if known else Response(status_code=401))(scope, receive, send)

    return app


async def test_an_old_card_serves_while_its_agent_is_gone(crossdock: System) -> None:
    agent = await crossdock.agent()
    now = [0.0]
    async with cutter(agent.url) as (line, url):
        cards = CardCache(crossdock.http(), clock=lambda: now[0])
        await cards.get(url)
        line.cut_all()
        line.down = True
        now[0] = 1000.0
        assert (await cards.get(url)).name == "puppet-agent"
        now[0] = 10_000.0
        with pytest.raises(TryLater):
            await cards.get(url)


async def test_a_token_goes_only_where_it_belongs(crossdock: System) -> None:
    """The card may name any host; the configured one is called."""
    agent = await crossdock.agent()
    client = crossdock.client(agent.url)
    card = await client._cards.get(agent.url)
    for interface in card.supported_interfaces:
        interface.url = "http://evil.test/steal"
    client._cards._entries[agent.url].card.CopyFrom(card)
    with pytest.raises((Rejected, Failed)):
        await collect(client.send(message().message))


@pytest.mark.parametrize("reached", ["", "/agents/puppet"])
async def test_an_agent_is_reached_past_the_gateway_that_its_card_names(crossdock: System, reached: str) -> None:
    """Below its public path too, whether or not the gateway takes that off."""
    agent = await crossdock.agent(public_url="https://gateway.test/agents/puppet")
    events = await collect(crossdock.client(agent.url + reached).send(message().message))
    assert folded(events).status.state == TaskState.TASK_STATE_COMPLETED


async def test_the_public_path_opens_nothing_more(crossdock: System) -> None:
    agent = await crossdock.agent(public_url="https://gateway.test/agents/puppet")
    http = crossdock.http()
    answers = {
        path: (await http.get(agent.url + path)).status_code
        for path in (
            "/agents/puppet" + CARD_PATHS[0],
            "/agents/puppet/tasks",
            "/agents/puppetry/tasks",
            "/agents/puppet",
        )
    }
    assert list(answers.values()) == [200, 401, 401, 401]
