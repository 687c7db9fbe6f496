"""Other agents' cards, fetched as rarely as HTTP caching allows (section 8.6; RFC 9111).

Own code, because httpx's caching clients keep their entries in a database file, and cards are all there is to keep.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard

from crossdock.cards.building import CARD_PATHS
from crossdock.cards.trust import AnyCard, CardTrust
from crossdock.errors import Failed, TryLater, Unreachable

MAX_CARD = 512 * 1024
STALE_SECONDS = 3600.0
"""For how long an old card is used while its agent does not answer."""


@dataclass
class _Entry:
    card: AgentCard
    etag: str
    checked: float
    max_age: float


class CardCache:
    """Cards by base URL. Concurrent callers of one agent share one request."""

    def __init__(
        self, http: httpx.AsyncClient, trust: CardTrust | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._trust = trust or AnyCard()
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, url: str) -> AgentCard:
        """The card of the agent at `url`, not to be changed: every caller gets it, until the agent publishes another.

        Raises `TryLater` or `Failed`.
        """
        url = url.rstrip("/")
        if self.has(url):
            return self._entries[url].card
        async with self._locks.setdefault(url, asyncio.Lock()):
            if not self.has(url):
                self._entries[url] = await self._refreshed(url, self._entries.get(url))
        return self._entries[url].card

    def has(self, url: str) -> bool:
        """Whether `get` of this URL, without a slash at its end, asks nobody."""
        entry = self._entries.get(url)
        return entry is not None and self._clock() - entry.checked < entry.max_age

    async def _refreshed(self, url: str, entry: _Entry | None) -> _Entry:
        try:
            return await self._fetch(url, entry)
        except TryLater:
            if entry is None or self._clock() - entry.checked > entry.max_age + STALE_SECONDS:
                raise
            return entry

    async def _fetch(self, url: str, entry: _Entry | None) -> _Entry:
        headers = {"If-None-Match": entry.etag} if entry and entry.etag else {}
        try:
            response = await self._read(url + CARD_PATHS[0], headers)
            if response.status_code == httpx.codes.NOT_FOUND:
                response = await self._read(url + CARD_PATHS[1], headers)
        except httpx.HTTPError as error:
            raise Unreachable("The agent", 2.0) from error
        max_age = _max_age(response)
        if response.status_code == httpx.codes.NOT_MODIFIED and entry:
            return _Entry(entry.card, entry.etag, self._clock(), max_age)
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise TryLater(
                f"The agent has trouble ({response.status_code}). Send the request again later.", retry_after=2.0
            )
        card = _parse(url, response)
        await self._trust.check(url, response.json(), card)
        return _Entry(card, response.headers.get("etag", ""), self._clock(), max_age)

    async def _read(self, url: str, headers: dict[str, str]) -> httpx.Response:
        """Cards are public as a rule: one must not wait for a token, whose issuer may be starting."""
        response = await self._http.get(url, headers=headers, auth=None)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            return await self._http.get(url, headers=headers)
        return response


def _parse(url: str, response: httpx.Response) -> AgentCard:
    if response.status_code != httpx.codes.OK or len(response.content) > MAX_CARD:
        raise Failed(f"There is no Agent Card at {url} (HTTP {response.status_code}). Check the agent's URL.")
    try:
        card = parse_agent_card(response.json())
    except Exception as error:  # the parser's errors have no common base
        raise Failed(f"What {url} serves is not an Agent Card. Check the agent's URL.") from error
    if not card.supported_interfaces:
        raise Failed(f"The Agent Card at {url} names no interface.")
    return card


def _max_age(response: httpx.Response) -> float:
    directives = response.headers.get("cache-control", "")
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    found = re.search(r"max-age=(\d+)", directives)
    return float(found[1]) if found else 60.0
