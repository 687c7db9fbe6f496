"""The issuer's signing keys, fetched seldom and kept through its outages."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx

from crossdock.auth.discovery import Issuer, IssuerDown, fetch
from crossdock.auth.jws import VerificationKey
from crossdock.auth.refresh import Refresh
from crossdock.errors import TryLater

DAY = 86_400.0
MOST_KEYS = 64
AHEAD = 0.8
"""After this share of the TTL keys are fetched again in the background, so that no request waits for it."""


class KeySet:
    """`ttl` seconds keys are used before they are fetched again, and `stale_limit` at most while that fails.

    A token with an unknown key id makes it look again at once, but not more often than every `min_refresh_interval`
    seconds, because strangers can invent key ids: who comes sooner waits for the next look. `clock` counts seconds and
    never goes back.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        issuer: str,
        ttl: float = 300.0,
        min_refresh_interval: float = 1.0,
        stale_limit: float = DAY,
        clock: Callable[[], float] = time.monotonic,
        *,
        discovery_url: str = "",
    ) -> None:
        self._http = http
        self._issuer = Issuer(issuer, discovery_url)
        self._ttl = ttl
        self._min_interval = min_refresh_interval
        self._stale_limit = max(stale_limit, ttl)
        self._clock = clock
        self._keys: Mapping[str, tuple[VerificationKey, ...]] = {}
        self._fetched_at = self._forced_at = float("-inf")
        self._begun = self._last = 0  # fetches, and the last good one of them
        self._look: asyncio.Task[None] | None = None
        self._refresh = Refresh("signing keys", self._fetch, clock)

    async def find(self, kid: str) -> tuple[VerificationKey, ...]:
        """The keys with this id: one as a rule, none if the issuer has no such key.

        Raises `TryLater` when that cannot be known, because the issuer does not answer.
        """
        await self._provide()
        if kid not in self._keys:
            await self._look_again(kid)
        return self._keys.get(kid, ())

    def holds(self, key: VerificationKey) -> bool:
        """Whether the set as it is holds `key`. False where it ought to be looked after first: `find` does that."""
        return self._age < self._ttl * AHEAD and key in self._keys.get(key.kid, ())

    async def ready(self) -> None:
        """Raises `TryLater` while tokens cannot be verified."""
        await self._provide()
        if not self._keys:
            raise self._unavailable()

    @property
    def problem(self) -> str:
        """Why the last fetch failed, for the operator; empty after a good one."""
        return str(self._refresh.error or "")

    async def close(self) -> None:
        if self._look is not None and not self._look.done():
            self._look.cancel()
            await asyncio.wait([self._look])
        await self._refresh.close()

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched_at

    async def _provide(self) -> None:
        if self._age < self._ttl * AHEAD:
            return
        self._refresh.start()
        # Once the issuer is known to be down nobody waits for it as long as there are keys.
        if self._age >= self._stale_limit or (self._age >= self._ttl and not self._refresh.error):
            await self._refresh.join()
        if self._age >= self._stale_limit:
            raise self._unavailable()

    async def _look_again(self, kid: str) -> None:
        """Until the id is known, or a fetch that began after we came does not know it either."""
        begun = self._begun
        while kid not in self._keys and self._last <= begun:
            await self._next_look()
            if self._refresh.error:
                raise self._unavailable()

    async def _next_look(self) -> None:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._looked(), name="look for a signing key")
        await asyncio.wait([self._look])

    async def _looked(self) -> None:
        if not self._refresh.running:
            await asyncio.sleep(self._forced_at + self._min_interval - self._clock())
            self._forced_at = self._clock()
            self._refresh.start()
        await self._refresh.join()

    def _unavailable(self) -> TryLater:
        text = "Tokens cannot be verified now, because their issuer does not answer. Try again in a while."
        return TryLater(text, retry_after=max(1.0, self._refresh.rest))

    async def _fetch(self) -> None:
        # Counted from before the request: a key that is removed meanwhile counts as seen now, not later.
        asked_at = self._clock()
        self._begun += 1
        number = self._begun
        url = await self._issuer.endpoint(self._http, "jwks_uri")
        entries = (await fetch(self._http, url)).get("keys")
        if not isinstance(entries, list):
            raise IssuerDown(f"{url} holds no key set")
        self._keys = _by_id(entries[:MOST_KEYS])
        self._fetched_at, self._last = asked_at, number


def _by_id(entries: list[object]) -> Mapping[str, tuple[VerificationKey, ...]]:
    keys: dict[str, tuple[VerificationKey, ...]] = {}
    for entry in entries:
        key = VerificationKey.from_jwk(entry)
        if key is not None:
            keys[key.kid] = (*keys.get(key.kid, ()), key)
    return keys
