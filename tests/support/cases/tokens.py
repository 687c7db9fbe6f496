"""A token that Keycloak made and whose time is over. A suite runs this last: the time passes meanwhile."""

import time
from typing import Any

from crossdock.auth.jws import read_claims
from tests.support.operated import Operated
from tests.support.stack import until
from tests.support.verdicts import STRANGER, verdicts

SKEW = 30
"""Seconds that a service's clock may differ from Keycloak's."""


async def test_an_expired_token_does_not_come_in(system: Operated[Any], brief_token: str) -> None:
    expires = read_claims(brief_token)["exp"] + SKEW

    async def expired() -> bool:
        return bool(time.time() > expires)

    await until(expired, "the token does not expire", SKEW + 10, pause=0.5)
    for name in system.doors("acme"):
        assert await verdicts(system, name, brief_token) == STRANGER
