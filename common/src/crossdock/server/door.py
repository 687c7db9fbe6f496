"""Whose tokens are accepted, and whether that can be known."""

import httpx

from crossdock.auth.jwks import KeySet
from crossdock.auth.verifier import TokenVerifier
from crossdock.settings import ProcessSettings


class Door:
    """`http` reaches the issuer; one that is made here is closed here."""

    def __init__(self, settings: ProcessSettings, http: httpx.AsyncClient | None) -> None:
        self._own = httpx.AsyncClient(timeout=10.0) if http is None else None
        reach = http or self._own
        assert reach is not None
        self._issuer = settings.issuer
        self._keys = KeySet(reach, settings.issuer, ttl=settings.jwks_ttl, discovery_url=settings.issuer_discovery_url)

    def verifier(self, audience: str, customer: str | None) -> TokenVerifier:
        return TokenVerifier(self._issuer, audience, self._keys, customer=customer)

    async def ready(self) -> bool:
        await self._keys.ready()
        return True

    async def close(self) -> None:
        await self._keys.close()
        if self._own:
            await self._own.aclose()
