"""What goes over the wire, seen as others see it: raw SSE frames, and clients made by a2a-sdk itself."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard, SendMessageRequest, StreamResponse, Task
from google.protobuf.json_format import ParseDict

from crossdock.cards.building import CARD_PATHS
from crossdock.tasks.events import fold
from tests.support.grpc_channels import channel
from tests.support.system import System

JSONRPC = "JSONRPC"
HTTP_JSON = "HTTP+JSON"
GRPC = "GRPC"
BINDINGS = (JSONRPC, HTTP_JSON, GRPC)


@dataclass(frozen=True)
class Frame:
    """One SSE event; `number` is None without an `id:` line, `event` empty without a name."""

    number: int | None
    event: str
    data: Any


async def frames(response: httpx.Response) -> AsyncGenerator[Frame]:
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.removeprefix(" ")
        elif not line and "data" in fields:
            number = int(fields["id"]) if "id" in fields else None
            yield Frame(number, fields.get("event", ""), json.loads(fields["data"]))
            fields = {}


def payload(frame: Frame) -> Any:
    """The Task or event in a frame, of either binding."""
    parsed = ParseDict(frame.data.get("result", frame.data), StreamResponse())
    return getattr(parsed, str(parsed.WhichOneof("payload")))


def body(text: str = "complete", **message: Any) -> dict[str, Any]:
    """The parameters of SendMessage in A2A 1.0."""
    return {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}], **message}}


def rpc(method: str, params: Any, request_id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


async def card_at(http: httpx.AsyncClient, url: str) -> AgentCard:
    return parse_agent_card((await http.get(url + CARD_PATHS[0])).json())


async def sdk_client(
    crossdock: System, url: str, binding: str, *, version: str = "1.0", streaming: bool = True
) -> Client:
    """a2a-sdk's client for one of the card's interfaces, authenticated as acme's orchestrator."""
    token = {"Authorization": (await crossdock.headers())["Authorization"]}
    http = crossdock.http(headers=token)
    card = await card_at(http, url)
    wanted = [item for item in card.supported_interfaces if item.protocol_version == version]
    del card.supported_interfaces[:]
    card.supported_interfaces.extend(wanted)
    config = ClientConfig(
        httpx_client=http,
        grpc_channel_factory=lambda address: channel(crossdock, address, token),
        supported_protocol_bindings=[binding],
        streaming=streaming,
    )
    return ClientFactory(config).create(card)


async def finish(client: Client, request: SendMessageRequest) -> Task:
    """The task as it stands when the stream of `request`, or its one answer, is over."""
    task = Task()
    async for response in client.send_message(request):
        fold(task, getattr(response, str(response.WhichOneof("payload"))))
    return task
