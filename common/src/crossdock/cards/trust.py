"""Whose signature makes an Agent Card one that may be used."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx
from a2a.types import AgentCard

from crossdock.auth.jws import VerificationKey
from crossdock.auth.service_keys import JWKS_PATH
from crossdock.cards.signing import key_ids, key_set, verifies
from crossdock.errors import ConfigError, Failed, Unreachable

MAX_KEYS = 256 * 1024


class CardTrust(Protocol):
    async def check(self, url: str, document: Mapping[str, Any], card: AgentCard) -> None:
        """Raises `Failed` for a card that must not be used, `TryLater` while that cannot be known."""


class AnyCard:
    """Signed or not."""

    async def check(self, url: str, document: Mapping[str, Any], card: AgentCard) -> None:
        return


class SignedCards:
    """Only those that one of `keys` signed; without any, a key that the agent publishes at its own URL.

    Where else a card says that its key is (`jku`) counts for nothing: whoever changes the card could write that, too.
    """

    def __init__(self, http: httpx.AsyncClient, keys: Sequence[VerificationKey] = ()) -> None:
        self._http = http
        self._keys = keys

    @classmethod
    def of(cls, http: httpx.AsyncClient, path: Path | None) -> "SignedCards":
        """`path` is a file with a JWK set of public keys. Raises `ConfigError`."""
        if path is None:
            return cls(http)
        try:
            keys = key_set(path.read_bytes())
        except (OSError, ValueError):
            keys = []
        if not keys:
            raise ConfigError(f"The key file {path} must hold a JWK set of public keys: EC, or RSA from 2048 bits.")
        return cls(http, keys)

    async def check(self, url: str, document: Mapping[str, Any], card: AgentCard) -> None:
        wanted = key_ids(card)
        keys = self._keys or (await self._published(url) if wanted else [])
        if not any(key.kid in wanted and verifies(document, card, key) for key in keys):
            raise Failed(
                f"The Agent Card at {url} is not signed by a key that is trusted here. Ask the agent's operator "
                "whether its card or its signing key has changed."
            )

    async def _published(self, url: str) -> list[VerificationKey]:
        try:
            response = await self._http.get(url + JWKS_PATH)
        except httpx.HTTPError as error:
            raise Unreachable("The agent", 2.0) from error
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Unreachable("The agent", 2.0)
        if response.status_code != httpx.codes.OK or len(response.content) > MAX_KEYS:
            return []
        try:
            return key_set(response.content)
        except (ValueError, RecursionError):
            return []
