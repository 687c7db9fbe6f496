"""How gRPC calls are refused: a google.rpc.Status in the trailing metadata (section 10.6)."""

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
from google.rpc.status_pb2 import Status

DETAILS = "grpc-status-details-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


async def abort(rpc: "grpc.aio.ServicerContext[Any, Any]", status: Status, headers: Mapping[str, str]) -> NoReturn:
    """`headers` are added to the trailing metadata. Ends the handler."""
    told = [(name.lower(), value) for name, value in headers.items()]
    rpc.set_trailing_metadata((*told, (DETAILS, status.SerializeToString())))
    await rpc.abort(CODES[status.code], status.message)
    raise AssertionError("abort raises")
