"""A2A's streams over JSON-RPC as the SDK's client has them, at less cost: each event is parsed once, straight from its
bytes, and a connection whose stream came to its end is kept for the next request.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from a2a.client import Client, ClientCallContext, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.client.transports.http_helpers import handle_http_exceptions
from a2a.client.transports.jsonrpc import JsonRpcTransport
from a2a.compat.v0_3.jsonrpc_transport import CompatJsonRpcTransport
from a2a.compat.v0_3.versions import is_legacy_version
from a2a.types import AgentCard, SendMessageRequest, StreamResponse, SubscribeToTaskRequest
from a2a.utils.constants import TransportProtocol
from a2a.utils.errors import InvalidParamsError
from a2a.utils.proto_utils import parse_lenient

from crossdock.client.frames import Frames
from crossdock.server.decoding import decode
from crossdock.server.encoding import encode
from crossdock.tasks.events import RESTING, copied

BINDINGS = [TransportProtocol.JSONRPC.value, TransportProtocol.HTTP_JSON.value]
HEADERS = [(b"Content-Type", b"application/json"), (b"Accept", b"text/event-stream"), (b"Cache-Control", b"no-store")]
ONCE = {b"accept", b"accept-encoding", b"connection"}
"""Of httpx's own headers: the first is said above, and the others add nothing to a stream over HTTP/1.1."""
STREAM = "text/event-stream"
LINGER_SECONDS = 1.0
"""For how long a stream is read on after its last word, for its connection's sake."""


class Link:
    """How to speak to one agent. Where its card asks nothing more of `client`, streams come straight from `streams`:
    closing one then closes its connection, or gives it back, at once.
    """

    def __init__(self, client: Client, streams: "StreamingTransport | None") -> None:
        self.client = client
        self._streams = streams

    def send(self, request: SendMessageRequest, context: ClientCallContext) -> AsyncGenerator[StreamResponse]:
        if self._streams is not None:
            return self._streams.send_message_streaming(request, context=context)
        return _generated(self.client.send_message(request, context=context))

    def subscribe(self, request: SubscribeToTaskRequest, context: ClientCallContext) -> AsyncGenerator[StreamResponse]:
        if self._streams is not None:
            return self._streams.subscribe(request, context=context)
        return _generated(self.client.subscribe(request, context=context))


async def _generated(stream: AsyncIterator[StreamResponse]) -> AsyncGenerator[StreamResponse]:
    async for response in stream:
        yield response


def link_to(card: AgentCard, base: str, http: httpx.AsyncClient) -> Link:
    """For the agent that `card` describes, at `base` wherever the card says that it lives."""
    own = copied(card)
    for interface in own.supported_interfaces:
        interface.url = _rebased(interface.url, base)
    factory = ClientFactory(ClientConfig(httpx_client=http, supported_protocol_bindings=BINDINGS))
    made: list[JsonRpcTransport | CompatJsonRpcTransport] = []

    def transport(*given: Any) -> JsonRpcTransport | CompatJsonRpcTransport:
        made.append(_transport(*given))
        return made[-1]

    factory.register(TransportProtocol.JSONRPC, transport)
    client = factory.create(own)
    plain = own.capabilities.streaming and not any(interface.tenant for interface in own.supported_interfaces)
    return Link(client, made[0] if made and plain and isinstance(made[0], StreamingTransport) else None)


def _transport(card: AgentCard, url: str, config: ClientConfig) -> JsonRpcTransport | CompatJsonRpcTransport:
    assert config.httpx_client is not None
    versions = [
        interface.protocol_version
        for interface in card.supported_interfaces
        if interface.protocol_binding == TransportProtocol.JSONRPC and interface.url == url
    ]
    if versions and all(map(is_legacy_version, versions)):
        return CompatJsonRpcTransport(config.httpx_client, card, url, is_shared_httpx=True)
    return StreamingTransport(config.httpx_client, card, url, is_shared_httpx=True)


def _rebased(url: str, base: str) -> str:
    """`url` at the scheme, host and path prefix of `base`, which it may have already."""
    path, prefix = urlsplit(url).path.rstrip("/"), urlsplit(base).path
    if f"{path}/".startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    return f"{base}{path}"


class StreamingTransport(JsonRpcTransport):
    def __init__(self, httpx_client: httpx.AsyncClient, agent_card: AgentCard, url: str, is_shared_httpx: bool) -> None:
        super().__init__(httpx_client, agent_card, url, is_shared_httpx)
        self._parsed = httpx.URL(url)
        self._numbers = count(1)
        self._lingering: set[asyncio.Task[None]] = set()

    def send_message_streaming(
        self, request: SendMessageRequest, *, context: ClientCallContext | None = None
    ) -> AsyncGenerator[StreamResponse]:
        return self._stream(b"SendStreamingMessage", request, context)

    def subscribe(
        self, request: SubscribeToTaskRequest, *, context: ClientCallContext | None = None
    ) -> AsyncGenerator[StreamResponse]:
        return self._stream(b"SubscribeToTask", request, context)

    async def _stream(
        self, method: bytes, params: SendMessageRequest | SubscribeToTaskRequest, context: ClientCallContext | None
    ) -> AsyncGenerator[StreamResponse]:
        body = b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}' % (next(self._numbers), method, encode(params))
        rested = False
        with handle_http_exceptions():
            response = await self._answered(body, context)
            pieces = response.aiter_bytes()
            try:
                if STREAM not in response.headers.get("content-type", ""):
                    yield self._read(await response.aread())
                    return
                frames = Frames()
                async for piece in pieces:
                    for name, data in frames.add(piece):
                        event = self._event(name, data)
                        rested = _rests(event)
                        yield event
                rested = False
            finally:
                if rested:
                    self._linger(response, pieces)
                else:
                    await response.aclose()

    async def _answered(self, body: bytes, context: ClientCallContext | None) -> httpx.Response:
        given = (context.service_parameters if context else None) or {}
        named = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]
        own = [header for header in self.httpx_client.headers.raw if header[0].lower() not in ONCE]
        headers = [*own, *HEADERS, *named]
        request = httpx.Request("POST", self._parsed, headers=headers, content=body)
        response = await self.httpx_client.send(request, stream=True)
        if response.is_success:
            return response
        try:
            await response.aread()
            response.raise_for_status()
        finally:
            await response.aclose()
        return response

    def _event(self, name: bytes, data: bytes) -> StreamResponse:
        if name == b"error":
            self._handle_sse_error(data.decode(errors="replace"))
        return self._read(data)

    def _read(self, data: bytes) -> StreamResponse:
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise A2AClientError(f"Invalid JSON-RPC response: {error}") from error
        whole = isinstance(answer, dict) and "result" in answer and "error" not in answer
        result = (answer if whole else self._check_jsonrpc_response(answer))["result"]
        try:
            return decode(result, StreamResponse())
        except InvalidParamsError:  # the SDK takes some more
            return parse_lenient(result, StreamResponse())

    def _linger(self, response: httpx.Response, pieces: AsyncIterator[bytes]) -> None:
        """Nobody waits for the end of a stream that has said all."""
        task = asyncio.create_task(_ended(response, pieces))
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)


async def _ended(response: httpx.Response, pieces: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in pieces:
                pass
    except (TimeoutError, httpx.HTTPError, httpx.StreamError):
        pass
    finally:
        await response.aclose()


def _rests(response: StreamResponse) -> bool:
    """Whether nothing follows in this stream."""
    match response.WhichOneof("payload"):
        case "status_update":
            return response.status_update.status.state in RESTING
        case "task":
            return response.task.status.state in RESTING
    return response.HasField("message")
