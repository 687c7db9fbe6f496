"""What each binding says to a token at the gateway."""

from typing import Any

import grpc
from a2a.types import ListTasksRequest

from tests.support.operations import RestCaller, RpcCaller
from tests.support.served import Served, bearing

Code = grpc.StatusCode


async def verdicts(system: Served, name: str, token: str) -> dict[str, Any]:
    """What each binding answers to this token: HTTP's status, or that of gRPC."""
    http, path, headers = system.http(), system.path(name), bearing(token) if token else {"A2A-Version": "1.0"}
    rpc = await http.send(RpcCaller(http, path, headers).request("ListTasks", {"pageSize": 1}, {}))
    rest = await http.send(RestCaller(http, path, headers).request("ListTasks", {"pageSize": 1}, {}))
    try:
        await system.grpc(name, token).ListTasks(ListTasksRequest(page_size=1))
        code = Code.OK
    except grpc.aio.AioRpcError as error:
        code = error.code()
    return {"JSON-RPC": rpc.status_code, "HTTP+JSON": rest.status_code, "gRPC": code}


GOOD = {"JSON-RPC": 200, "HTTP+JSON": 200, "gRPC": Code.OK}
STRANGER = {"JSON-RPC": 401, "HTTP+JSON": 401, "gRPC": Code.UNAUTHENTICATED}
FORBIDDEN = {"JSON-RPC": 403, "HTTP+JSON": 403, "gRPC": Code.PERMISSION_DENIED}
