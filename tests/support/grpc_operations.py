"""A2A's operations over gRPC, as the protocol's own file describes them; what goes over the wire is told as JSON."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from a2a.types import ListTasksResponse, a2a_pb2
from a2a.utils.grpc_status import status_from_call
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.operations import Answer, Caller, named

SERVICE = a2a_pb2.DESCRIPTOR.services_by_name["A2AService"]


@dataclass(frozen=True)
class GrpcCaller(Caller):
    channel: Any
    headers: dict[str, str]

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """For calls by other means than this class."""
        return _metadata(self.headers)

    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> Answer:
        call = self._begun(operation, params or {}, headers)
        try:
            result = [told async for told in call] if operation_of(operation).server_streaming else await call
        except grpc.aio.AioRpcError as error:
            return _refused(error)
        return Answer("OK", dict(await call.initial_metadata()), result if isinstance(result, list) else json(result))

    @asynccontextmanager
    async def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[AsyncIterator[Any]]:
        call = self._begun(operation, params, headers)
        try:
            yield self._payloads(call)
        finally:
            call.cancel()

    async def _payloads(self, call: Any) -> AsyncIterator[Any]:
        async for response in call:
            yield json(response)

    def _begun(self, operation: str, params: dict[str, Any], headers: dict[str, str]) -> Any:
        method = operation_of(operation)
        kind = GetMessageClass(method.input_type)
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        path = f"/{SERVICE.full_name}/{operation}"
        call = make(path, kind.SerializeToString, GetMessageClass(method.output_type).FromString)
        return call(ParseDict(params, kind()), metadata=_metadata({**self.headers, **named(headers)}), timeout=20)


def operation_of(name: str) -> Any:
    return SERVICE.methods_by_name[name]


def _metadata(headers: dict[str, str]) -> list[tuple[str, str]]:
    """Headers of the same name, whatever their case, are one."""
    return list({name.lower(): value for name, value in headers.items()}.items())


def json(message: Message) -> dict[str, Any]:
    """Protobuf has no word for "there, but empty": a page's fields are all there."""
    told: dict[str, Any] = MessageToDict(message)
    if isinstance(message, ListTasksResponse):
        told = {"tasks": [], "nextPageToken": "", "pageSize": 0, "totalSize": 0, **told}
    return told


def _refused(error: grpc.aio.AioRpcError) -> Answer:
    status = status_from_call(error)
    details = MessageToDict(status).get("details", []) if status else []
    told = {"message": error.details(), "status": error.code().name}
    return Answer(error.code().name, _texts(error), None, told, details)


def _texts(error: grpc.aio.AioRpcError) -> dict[str, str]:
    metadata = error.trailing_metadata() or ()
    return {str(name): value for name, value in metadata if isinstance(value, str)}
