from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from crossdock.auth.jwks import KeySet
from crossdock.auth.verifier import TokenVerifier
from tests.support.issuer import DevIssuer
from tests.unit.auth.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(tmp_path: Path, clock: Clock) -> DevIssuer:
    return DevIssuer(tmp_path / "issuer", clock=clock)


@pytest.fixture
async def http(issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with issuer.http(follow_redirects=True) as client:
        yield client


@pytest.fixture
async def keys(http: httpx.AsyncClient, issuer: DevIssuer, clock: Clock) -> AsyncIterator[KeySet]:
    """TTL 300 s, a look for unknown keys every 10 s, stale for a day."""
    found = KeySet(http, issuer.url, clock=clock)
    yield found
    await found.close()


@pytest.fixture
def verifier(keys: KeySet, issuer: DevIssuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(issuer.url, "anomaly-agent", keys, clock=clock)
