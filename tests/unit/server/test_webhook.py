"""What a webhook is sent and from where, without one."""

import socket
from email.utils import formatdate
from time import time
from typing import Any

import httpx
import pytest
from a2a.types import TaskPushNotificationConfig, TaskState
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from crossdock.auth.jws import SigningKey
from crossdock.errors import Rejected
from crossdock.server.dialling import AddressGuard, GuardedTransport
from crossdock.server.webhook import Webhooks, _seconds
from crossdock.tasks.courier import NotTaken
from crossdock.tasks.events import status_event
from crossdock.tasks.journal import Logged

KEY = SigningKey.generate("ES256")


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("", 0, 0), ("7", 7, 7), ("-1", 0, 0), ("soon", 0, 0), ("9" * 400, 1e8, 1e9), ("1.5", 0, 0), ("²", 0, 0),
     (formatdate(time() + 3_600, usegmt=True), 3_000, 3_601), (formatdate(time() - 60, usegmt=True), 0, 0)],
    ids=["none", "seconds", "negative", "words", "huge", "part", "power", "later", "past"],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(text: str, least: float, most: float) -> None:
    assert least <= _seconds(text) <= most


def webhooks(**guard: Any) -> Webhooks:
    return Webhooks("https://agent.example", KEY, AddressGuard("webhook", **guard), max_body=10_000, seconds=5.0)


def event() -> Logged:
    return Logged(3, 1, status_event("t", "c", TaskState.TASK_STATE_WORKING))


async def test_the_address_is_looked_up_once_and_judged_at_each_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def private(host: str, *_: Any, **__: Any) -> Any:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", private)
    sender = webhooks()
    config = TaskPushNotificationConfig(id="c", task_id="t", url="https://rebind.example/hook?secret=1")
    for _ in range(2):
        with pytest.raises(NotTaken, match="private network") as told:
            await sender.post(config, event())
        assert "secret" not in str(told.value)
    assert looked_up == ["rebind.example"] * 2
    await sender.close()


async def test_nobody_there_is_told_without_the_url() -> None:
    sender = webhooks(allow_private=True, allow_http=True)
    config = TaskPushNotificationConfig(id="c", task_id="t", url="http://127.0.0.1:1/hook?secret=1")
    with pytest.raises(NotTaken, match=r"not reached \(ConnectError\)$"):
        await sender.post(config, event())
    await sender.close()


async def test_a_url_of_a_time_when_plain_http_was_allowed_is_not_dialled() -> None:
    sender = webhooks(allow_private=True)
    config = TaskPushNotificationConfig(id="c", task_id="t", url="http://127.0.0.1:1/hook?secret=1")
    with pytest.raises(NotTaken, match=r"must begin with https://\.$"):
        await sender.post(config, event())
    await sender.close()


async def test_a_guard_names_its_thing() -> None:
    with pytest.raises(Rejected, match=r"^The webhook's URL points into a private network\.$"):
        await AddressGuard("webhook").address(httpx.URL("https://127.0.0.1/"))


async def test_cookies_do_not_outlive_a_request() -> None:
    async def page(request: Request) -> Response:
        answer = PlainTextResponse(request.headers.get("cookie", "none"))
        answer.set_cookie("customer", "acme")
        return answer

    guard = AddressGuard("file", allow_private=True)
    transport = GuardedTransport(guard)
    transport._inner = httpx.ASGITransport(Starlette(routes=[Route("/", page)]))  # type: ignore[assignment]
    async with httpx.AsyncClient(transport=transport) as http:
        told = [(await http.get("http://127.0.0.1/")).text for _ in range(2)]
    assert told == ["none", "none"]
