"""A2A's operations over raw HTTP, alike on both bindings: each knows its words from the specification, not from us."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.wire import Frame, frames, rpc

CONFIGS = "/tasks/{taskId}/pushNotificationConfigs"
URLS = {
    "SendMessage": ("POST", "/message:send"),
    "SendStreamingMessage": ("POST", "/message:stream"),
    "GetTask": ("GET", "/tasks/{id}"),
    "ListTasks": ("GET", "/tasks"),
    "CancelTask": ("POST", "/tasks/{id}:cancel"),
    "SubscribeToTask": ("POST", "/tasks/{id}:subscribe"),
    "CreateTaskPushNotificationConfig": ("POST", CONFIGS),
    "ListTaskPushNotificationConfigs": ("GET", CONFIGS),
    "GetTaskPushNotificationConfig": ("GET", CONFIGS + "/{id}"),
    "DeleteTaskPushNotificationConfig": ("DELETE", CONFIGS + "/{id}"),
    "GetExtendedAgentCard": ("GET", "/extendedAgentCard"),
}
"""Section 11.3: verb and path."""


@dataclass(frozen=True)
class Answer:
    """`result` of a call that was served, else `error` as the binding has it, with its `details`."""

    response: httpx.Response
    result: Any = None
    error: Any = None
    details: Any = None

    @property
    def reason(self) -> str:
        """The error's name; empty where there is none."""
        return self.details[0]["reason"] if self.error else ""

    @property
    def task(self) -> Any:
        assert self.error is None, self.error
        return self.result["task"]


@dataclass(frozen=True)
class Caller:
    """One customer's client of an agent, at the URL of one interface."""

    http: httpx.AsyncClient
    url: str
    headers: dict[str, str]

    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> Answer:
        request = self.request(operation, params or {}, headers)
        return self.answer(await self.http.send(request))

    @asynccontextmanager
    async def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[AsyncIterator[Any]]:
        """The StreamResponses, one by one."""
        response = await self.http.send(self.request(operation, params, headers), stream=True)
        try:
            assert response.headers["content-type"].startswith("text/event-stream"), await response.aread()
            yield self._payloads(response)
        finally:
            await response.aclose()

    async def _payloads(self, response: httpx.Response) -> AsyncIterator[Any]:
        async for frame in frames(response):
            yield self.payload(frame)

    async def streamed(self, operation: str, params: dict[str, Any]) -> list[Any]:
        async with self.stream(operation, params) as events:
            return [event async for event in events]

    async def send(self, prefix: str, **message: Any) -> Any:
        """The task that a blocking send of this message answers with."""
        return (await self.call("SendMessage", sent(prefix, **message))).task

    def request(self, operation: str, params: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
        raise NotImplementedError

    def answer(self, response: httpx.Response) -> Answer:
        raise NotImplementedError

    def payload(self, frame: Frame) -> Any:
        raise NotImplementedError

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}


class RpcCaller(Caller):
    def request(self, operation: str, params: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
        return self.http.build_request("POST", self.url, json=rpc(operation, params), headers=self._headers(headers))

    def answer(self, response: httpx.Response) -> Answer:
        content = response.json()
        error = content.get("error")
        return Answer(response, content.get("result"), error, error and error.get("data"))

    def payload(self, frame: Frame) -> Any:
        return frame.data["result"]


class RestCaller(Caller):
    def request(self, operation: str, params: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
        verb, path = URLS[operation]
        rest = {name: value for name, value in params.items() if f"{{{name}}}" not in path}
        url = self.url + path.format(**{name: quote(str(value), safe="") for name, value in params.items()})
        if verb == "POST":
            return self.http.build_request(verb, url, json=rest, headers=self._headers(headers))
        query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in rest.items()}
        return self.http.build_request(verb, url, params=query, headers=self._headers(headers))

    def answer(self, response: httpx.Response) -> Answer:
        content = response.json()
        error = content.get("error")
        return Answer(response, None if error else content, error, error and error.get("details"))

    def payload(self, frame: Frame) -> Any:
        return frame.data


def sent(prefix: str, *, configuration: dict[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    """The parameters of SendMessage, for the conformance agent to do what `prefix` stands for."""
    content = {"messageId": prefix, "role": "ROLE_USER", "parts": [{"text": "please"}], **message}
    return {"message": content, **({"configuration": configuration} if configuration else {})}
