"""What a pod's own sidecar answers, asked inside the pod: Dapr's, which nobody reaches from outside."""

from typing import Any

from tests.support.operated import Operated

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


async def status(system: Operated[Any], replica: Any, app: str) -> int:
    """Of a request for the card of `app`, which is <name>.<namespace>."""
    return int(await system.execute(replica, "python", "-c", PROGRAM, app, str(PORT)))
