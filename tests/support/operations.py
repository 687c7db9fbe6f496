"""A2A's operations, alike on all bindings: each knows its words from the specification, not from us."""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
UNAUTHENTICATED = {401, "UNAUTHENTICATED"}
"""An answer's status, in the words of each binding."""


@dataclass(frozen=True)
class Answer:
    """`result` of a call that was served, else `error` as the binding has it, with its `details`.

    `status` is that of HTTP, or the name of gRPC's; `headers` are HTTP's, or gRPC's metadata.
    """

    status: int | str
    headers: Mapping[str, str]
    result: Any = None
    error: Any = None
    details: Any = None

    @property
    def reason(self) -> str:
        """The error's name; empty where there is none."""
        return str(self.details[0]["reason"]) if self.error else ""

    @property
    def task(self) -> Any:
        assert self.error is None, self.error
        return self.result["task"]


class Caller(ABC):
    """One customer's client of an agent, on one interface."""

    @abstractmethod
    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> Answer:
        """Underscores in names of `headers` stand for dashes."""

    @abstractmethod
    def stream(
        self, operation: str, params: dict[str, Any], **headers: str
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """The StreamResponses, one by one."""

    async def streamed(self, operation: str, params: dict[str, Any]) -> list[Any]:
        async with self.stream(operation, params) as events:
            return [event async for event in events]

    async def send(self, prefix: str, **message: Any) -> Any:
        """The task that a blocking send of this message answers with."""
        return (await self.call("SendMessage", sent(prefix, **message))).task


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class HttpCaller(Caller):
    http: httpx.AsyncClient
    url: str
    headers: dict[str, str]

    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> Answer:
        request = self.request(operation, params or {}, headers)
        return self.answer(await self.http.send(request))

    @asynccontextmanager
    async def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[AsyncIterator[Any]]:
        response = await self.http.send(self.request(operation, params, headers), stream=True)
        try:
            assert response.headers["content-type"].startswith("text/event-stream"), await response.aread()
            yield self._payloads(response)
        finally:
            await response.aclose()

    async def _payloads(self, response: httpx.Response) -> AsyncIterator[Any]:
        async for frame in frames(response):
            yield self.payload(frame)

    @abstractmethod
    def request(self, operation: str, params: dict[str, Any], headers: dict[str, str]) -> httpx.Request: ...

    @abstractmethod
    def answer(self, response: httpx.Response) -> Answer: ...

    @abstractmethod
    def payload(self, frame: Frame) -> Any: ...

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {**self.headers, **named(headers)}


class RpcCaller(HttpCaller):
    def request(self, operation: str, params: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
        return self.http.build_request("POST", self.url, json=rpc(operation, params), headers=self._headers(headers))

    def answer(self, response: httpx.Response) -> Answer:
        content = response.json()
        error = content.get("error")
        details = error and error.get("data")
        return Answer(response.status_code, response.headers, content.get("result"), error, details)

    def payload(self, frame: Frame) -> Any:
        return frame.data["result"]


class RestCaller(HttpCaller):
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
        details = error and error.get("details")
        return Answer(response.status_code, response.headers, None if error else content, error, details)

    def payload(self, frame: Frame) -> Any:
        return frame.data


def sent(prefix: str, *, configuration: dict[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    """The parameters of SendMessage, for the conformance agent to do what `prefix` stands for."""
    content = {"messageId": prefix, "role": "ROLE_USER", "parts": [{"text": "please"}], **message}
    return {"message": content, **({"configuration": configuration} if configuration else {})}
