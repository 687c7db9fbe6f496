"""Releases with sidecars; and what a pod's own answers, asked inside the pod, since nobody reaches it from outside."""

from typing import Any

from tests.support.kube_place import release
from tests.support.operated import Operated
from tests.support.rendered.helm import Release

PORT = 3500
PROGRAM = """
import sys, urllib.error, urllib.request
app, port = sys.argv[1:]
url = f"http://127.0.0.1:{port}/.well-known/agent-card.json"
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, headers={"dapr-app-id": app}), timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(answer.code)
"""


def with_sidecar(name: str, *callers: str) -> Release:
    """`callers`: the customers whose orchestrators may call this agent, where they are not those of its file."""
    listed = {"customers": f"{{{','.join(callers)}}}"} if callers else {}
    return release(name).changed(**{"dapr.enabled": "true"}, **listed)


async def status(system: Operated[Any], replica: Any, app: str) -> int:
    """Of a request for the card of `app`, which is <name>.<namespace>."""
    return int(await system.execute(replica, "python", "-c", PROGRAM, app, str(PORT)))
