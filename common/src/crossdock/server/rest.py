"""The HTTP+JSON binding (section 11), of A2A 1.0 and, under `/v1`, of 0.3."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from a2a.server.request_handlers import RequestHandler
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE
from a2a.utils.errors import A2AError, InvalidRequestError
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

from crossdock.errors import Rejected
from crossdock.server import legacy
from crossdock.server.bodies import parsed
from crossdock.server.call import Head
from crossdock.server.decoding import from_query
from crossdock.server.faults import as_a2a, rest_error
from crossdock.server.loop import off_loop
from crossdock.server.operations import METHODS, V1, Method
from crossdock.server.rate_gate import RateGate
from crossdock.server.responses import EventStream, JsonResponse, begun, event_frames

CONFIGS = "/tasks/{id}/pushNotificationConfigs"
TASK, TASK_OF_CONFIG = {"id": "id"}, {"id": "task_id"}
CONFIG = {**TASK_OF_CONFIG, "config_id": "id"}
TABLE: list[tuple[str, str, str, Mapping[str, str]]] = [
    ("POST", "/message:send", "SendMessage", {}),
    ("POST", "/message:stream", "SendStreamingMessage", {}),
    ("POST", "/tasks/{id}:cancel", "CancelTask", TASK),
    ("GET", "/tasks/{id}:subscribe", "SubscribeToTask", TASK),
    ("POST", "/tasks/{id}:subscribe", "SubscribeToTask", TASK),
    ("GET", "/tasks/{id}", "GetTask", TASK),
    ("GET", "/tasks", "ListTasks", {}),
    ("POST", CONFIGS, "CreateTaskPushNotificationConfig", TASK_OF_CONFIG),
    ("GET", CONFIGS, "ListTaskPushNotificationConfigs", TASK_OF_CONFIG),
    ("GET", f"{CONFIGS}/{{config_id}}", "GetTaskPushNotificationConfig", CONFIG),
    ("DELETE", f"{CONFIGS}/{{config_id}}", "DeleteTaskPushNotificationConfig", CONFIG),
    ("GET", "/extendedAgentCard", "GetExtendedAgentCard", {}),
]
"""Verb, path, operation, and which of its parameters the path holds."""

OLD_PATHS = {"/extendedAgentCard": "/card"}


def rest_routes(handler: RequestHandler, extensions: Collection[str], gate: RateGate | None = None) -> list[BaseRoute]:
    """They end with a mount that catches every path as a tenant's: put them last."""
    current: list[BaseRoute] = []
    old: list[BaseRoute] = []
    for verb, path, name, inside in TABLE:
        endpoint = Endpoint(handler, extensions, METHODS[name], inside, gate)
        current.append(Route(path, endpoint.answer, methods=[verb]))
        if name in legacy.REST_METHODS:
            endpoint = Endpoint(handler, extensions, legacy.REST_METHODS[name], inside, gate)
            old.append(Route(f"/v1{OLD_PATHS.get(path, path)}", endpoint.answer, methods=[verb]))
    return [*old, *current, Mount("/{tenant}", routes=current)]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method at one path; `inside` maps the path's parameters to fields."""

    handler: RequestHandler
    extensions: Collection[str]
    method: Method
    inside: Mapping[str, str]
    gate: RateGate | None = None

    async def answer(self, request: Request) -> JsonResponse | EventStream:
        head = Head(request.scope)
        call = head.call(self.extensions)
        media_type = A2A_JSON_MEDIA_TYPE if self.method.version == V1 else None
        try:
            if self.gate:
                await self.gate.enter(request.scope["user"], call)
            self.method.check_version(head.version)
            params = await self._params(request)
            tenant = str(request.path_params.get("tenant") or getattr(params, "tenant", ""))
            context = head.context(call, tenant)
            if self.method.operation.streaming:
                events = await begun(self.method.events(self.handler, params, context))
                return EventStream(event_frames(self.method, events, call, wrap=bytes, refuse=_told), call)
            result = await self.method.answer(self.handler, params, context)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            told = as_a2a(error)
            return JsonResponse(_told(told), call.status or rest_error(told)["code"], call.headers, media_type)
        return JsonResponse(result, headers=call.headers, media_type=media_type)

    async def _params(self, request: Request) -> Message:
        if request.method == "POST":
            body = await request.body()
            needless = not body and self.inside  # the path says it all
            params = await off_loop(len(body), self._decoded, b"{}" if needless else body)
        else:
            params = from_query(request.query_params, self.method.operation.params())
        for name, field in self.inside.items():
            setattr(params, field, request.path_params[name])
        return params

    def _decoded(self, body: bytes) -> Message:
        try:
            value = parsed(body)
        except Rejected as error:
            raise InvalidRequestError(str(error)) from None
        return self.method.decode(value)


def _told(error: A2AError) -> bytes:
    return json.dumps({"error": rest_error(error)}, ensure_ascii=False, separators=(",", ":")).encode()
