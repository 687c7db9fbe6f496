"""From a bearer token to the one who calls."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from crossdock.auth.claims import ClaimRules, Principal
from crossdock.auth.jwks import KeySet
from crossdock.auth.jws import ASYMMETRIC, VerificationKey, read_claims, read_header
from crossdock.auth.refusals import TokenRefused
from crossdock.errors import ConfigError

LARGEST_TOKEN = 16 * 1024
LONGEST_KID = 255
CACHED = 1024
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class TokenVerifier:
    """Access tokens of `issuer` for `audience` (a card's name), whose holder has `role`.

    With `customer` only that customer's tokens pass. `leeway` is how many seconds clocks may differ. `clock` tells
    seconds since 1970. A verified token is remembered until it expires, as long as its key is in the key set.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks: KeySet,
        role: str = "agent-access",
        *,
        algorithms: Collection[str] = ("RS256", "ES256"),
        leeway: float = 30.0,
        customer: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not algorithms or not ASYMMETRIC.issuperset(algorithms):
            raise ConfigError(f"Token algorithms must be some of: {', '.join(sorted(ASYMMETRIC))}.")
        self.issuer = issuer
        self.audience = audience
        self._jwks = jwks
        self._algorithms = frozenset(algorithms)
        self._rules = ClaimRules(issuer=issuer, audience=audience, role=role, leeway=leeway, customer=customer)
        self._clock = clock
        self._verified: OrderedDict[bytes, tuple[VerificationKey, Principal]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Raises `Unauthenticated`, `Forbidden` or, without an issuer that answers, `TryLater`."""
        if len(token) > LARGEST_TOKEN:
            text = f"The token is longer than {LARGEST_TOKEN // 1024} KiB. Have its client granted fewer roles."
            raise TokenRefused("oversized", text)
        # Only the hash is kept, so that no memory dump of the cache holds a token.
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = await self._recall(digest)
        if known is not None:
            return known
        key = await self._signer(token)
        principal = self._rules.principal(read_claims(token), self._clock())
        self._remember(digest, key, principal)
        return principal

    async def _recall(self, digest: bytes) -> Principal | None:
        entry = self._verified.get(digest)
        if entry is None:
            return None
        key, principal = entry
        if self._clock() < principal.expires_at and (self._jwks.holds(key) or key in await self._jwks.find(key.kid)):
            self._verified.move_to_end(digest)
            return principal
        self._verified.pop(digest, None)
        return None

    def _remember(self, digest: bytes, key: VerificationKey, principal: Principal) -> None:
        self._verified[digest] = (key, principal)
        if len(self._verified) > CACHED:
            self._verified.popitem(last=False)

    async def _signer(self, token: str) -> VerificationKey:
        """The key whose signature the token bears."""
        header = read_header(token)
        algorithm, kid = self._check_header(header)
        keys = await self._jwks.find(kid)
        if not keys:
            text = f"The key that signed the token is not one of {self.issuer}. Get a new token there."
            raise TokenRefused("unknown_key", text)
        for key in keys:
            if key.verifies(token, algorithm):
                return key
        raise TokenRefused("signature", "The token's signature is wrong. Send the issuer's access_token unchanged.")

    def _check_header(self, header: Mapping[str, Any]) -> tuple[str, str]:
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            text = f"The token must be signed with one of: {', '.join(sorted(self._algorithms))}."
            raise TokenRefused("algorithm", text)
        # `crit` lists extensions that a verifier must understand (RFC 7515, 4.1.11); there are none here.
        if "crit" in header or str(header.get("typ", "JWT")).lower() not in TYPES:
            raise TokenRefused(
                "malformed", "This is not an access token. Send the access_token of the issuer's answer."
            )
        if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
            raise TokenRefused("unknown_key", "The token names no key (`kid`). Get a token from the issuer.")
        return algorithm, kid
