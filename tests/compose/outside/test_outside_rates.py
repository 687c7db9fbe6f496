"""How often one customer may ask a service, whatever tokens it does it with."""

import asyncio
from collections.abc import AsyncIterator

import httpx

from tests.support.stack import Stack

TOKENS = 100
REQUESTS = 40
"""With one token: fewer than the gateway lets through at once."""
OWN_WORDS = "of all tokens of this customer together"


async def answers(system: Stack, path: str, client_id: str) -> AsyncIterator[httpx.Response]:
    """As fast as they come, with a new token every few of them."""
    http = system.http()
    for _ in range(TOKENS):
        headers = await system.headers(client_id)
        for answer in await asyncio.gather(*(http.get(path, headers=headers) for _ in range(REQUESTS))):
            yield answer


async def test_a_customer_is_limited_over_all_its_tokens_and_another_is_not(system: Stack) -> None:
    path, served = f"{system.path('escalation')}/tasks?pageSize=1", 0
    async for answer in answers(system, path, "acme-orchestrator"):
        if answer.status_code != httpx.codes.OK:
            break
        served += 1
    assert served >= 7 * REQUESTS, "so many may come at once"
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert (error["details"][0]["reason"], OWN_WORDS in error["message"]) == ("RATE_LIMITED", True)
    assert int(answer.headers["Retry-After"]) >= 1
    globex = await system.http().get(path, headers=await system.headers("globex-orchestrator"))
    assert globex.status_code == httpx.codes.OK
    elsewhere = await system.http().get(
        f"{system.path('contracts')}/tasks?pageSize=1", headers=await system.headers("acme-orchestrator")
    )
    assert elsewhere.status_code == httpx.codes.OK, "each service counts for itself"
