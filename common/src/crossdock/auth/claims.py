"""What an access token must claim, and who its holder then is."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crossdock.auth.refusals import AccessRefused, TokenRefused

CUSTOMER = re.compile(r"[a-z](?:[a-z0-9-]{0,37}[a-z0-9])?", re.ASCII)
"""Customers become names of clients, of Redis keys, and of Kubernetes' objects, the longest of which has 63 letters:
`<name>-orchestrator-management`."""
CUSTOMER_RULE = (
    "Use at most 39 lower-case letters, digits and hyphens, a letter at the beginning, a letter or digit at the end."
)

LONGEST_NAME = 255


def no_customer(name: str) -> str:
    """What to say of a name that CUSTOMER does not match."""
    return f"{name!a:.80} cannot be a customer's name. {CUSTOMER_RULE}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `customer` owns everything the call makes; `expires_at` is the token's end, seconds since 1970."""

    subject: str
    customer: str
    client_id: str
    roles: frozenset[str]
    expires_at: float

    def may(self, skill_role: str) -> bool:
        """Whether the role `skill:<agent id>.<skill id>` was granted."""
        return skill_role in self.roles


@dataclass(frozen=True, kw_only=True)
class ClaimRules:
    """What one service asks of a token whose signature is good. `leeway` is the clocks' difference in seconds."""

    issuer: str
    audience: str
    role: str
    leeway: float
    customer: str | None = None

    def principal(self, claims: Mapping[str, Any], now: float) -> Principal:
        """Raises `TokenRefused` or, for a good token without the right, `AccessRefused`."""
        client = _text(claims.get("azp")) or _text(claims.get("client_id"))
        self._check_origin(claims, client)
        self._check_times(claims, now, client)
        principal = Principal(
            subject=_text(claims.get("sub")) or client,
            customer=self._customer(claims, client),
            client_id=client,
            roles=_roles(claims),
            expires_at=float(claims["exp"]),
        )
        self._check_rights(principal)
        return principal

    def _check_origin(self, claims: Mapping[str, Any], client: str) -> None:
        if claims.get("iss") != self.issuer:
            text = f"The token is from another issuer. Get one from {self.issuer}."
            raise TokenRefused("issuer", text, client)
        # Keycloak marks ID and refresh tokens with their `typ`; they are signed alike and are no access tokens.
        if claims.get("typ", "Bearer") != "Bearer":
            text = "This is not an access token. Send the access_token of the issuer's answer."
            raise TokenRefused("claims", text, client)
        if self.audience not in _audiences(claims.get("aud")):
            text = (
                f"The token is not meant for {self.audience}. "
                f"Get one from a client whose tokens hold {self.audience} in `aud`."
            )
            raise TokenRefused("audience", text, client)

    def _check_times(self, claims: Mapping[str, Any], now: float, client: str) -> None:
        expires, begins, issued = (_time(claims, name, client) for name in ("exp", "nbf", "iat"))
        if expires is None:
            raise TokenRefused("claims", "The token never expires (no `exp`). Get one that does.", client)
        if now >= expires + self.leeway:
            raise TokenRefused("expired", "The token has expired. Get a new one from the issuer.", client)
        if max(begins or 0.0, issued or 0.0) > now + self.leeway:
            text = "The token is not valid yet. Check that the clocks agree and try again."
            raise TokenRefused("not_yet_valid", text, client)
        if issued is not None and issued > expires:
            text = "The token expired before it was issued. Get a new one from the issuer."
            raise TokenRefused("claims", text, client)

    def _customer(self, claims: Mapping[str, Any], client: str) -> str:
        customer = claims.get("customer")
        if not isinstance(customer, str) or not CUSTOMER.fullmatch(customer):
            text = "The token names no customer. Have the claim `customer` added to the client's tokens at the issuer."
            raise TokenRefused("customer_claim", text, client)
        return customer

    def _check_rights(self, principal: Principal) -> None:
        if self.role not in principal.roles:
            text = f"The role {self.role} is missing. Have it granted to the client {principal.client_id!a}."
            raise AccessRefused("role", text, principal.client_id)
        if self.customer is not None and principal.customer != self.customer:
            text = f"{self.audience} serves another customer. Call your own orchestrator."
            raise AccessRefused("other_customer", text, principal.client_id)


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_NAME else ""


def _audiences(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _time(claims: Mapping[str, Any], name: str, client: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    # A bool is an int to Python; a whole number beyond a float's range is no time.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value < 1e12
        or not math.isfinite(value)
    ):
        raise TokenRefused("claims", f"The token's `{name}` is not a time. Get a new one from the issuer.", client)
    return float(value)


def _roles(claims: Mapping[str, Any]) -> frozenset[str]:
    access = claims.get("realm_access")
    roles = access.get("roles") if isinstance(access, dict) else None
    return frozenset(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else frozenset()
