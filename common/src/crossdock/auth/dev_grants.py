"""The development issuer's token endpoint: OAuth 2.0 client credentials (RFC 6749, sections 2.3.1, 4.4 and 5)."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from crossdock.auth.dev_clients import DevClient
from crossdock.errors import CrossdockError
from crossdock.ids import new_id

SCOPES = frozenset({"openid", "profile", "email"})
MOST_FIELDS = 32


class GrantRefused(CrossdockError):
    """`code` is an error code of RFC 6749, section 5.2; the text is its description."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def read_form(body: bytes) -> Mapping[str, str]:
    """Raises `GrantRefused` for anything but a form in which each field stands once."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise GrantRefused("invalid_request", "The body must be a short urlencoded form.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise GrantRefused("invalid_request", "A parameter stands there more than once.")
    return {name: value for name, value in form.items() if value}


def credentials(authorization: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, from the Basic header or from the form. Raises `GrantRefused`."""
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise GrantRefused("invalid_client", "Send the client's id and secret.")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise GrantRefused("invalid_request", "Send the client's secret in one place only.")
    return _basic(authorization)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise GrantRefused("invalid_client", "The Authorization header is not HTTP Basic.")
    return unquote_plus(client_id), unquote_plus(secret)


def authenticate(clients: Mapping[str, DevClient], client_id: str, secret: str) -> DevClient:
    """Raises `GrantRefused`, the same for an unknown client and a wrong secret."""
    client = clients.get(client_id)
    expected = client.current_secret() if client else ""
    # Hashes are as long as each other, so the time tells nothing about the secret's length either.
    same = hmac.compare_digest(_digest(secret), _digest(expected))
    if client is None or not expected or not same:
        raise GrantRefused("invalid_client", "There is no such client or its secret is another.")
    return client


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def check_grant(form: Mapping[str, str]) -> str:
    """The scope to grant. Raises `GrantRefused`."""
    grant = form.get("grant_type")
    if grant is None:
        raise GrantRefused("invalid_request", "grant_type is missing; it must be client_credentials.")
    if grant != "client_credentials":
        raise GrantRefused("unsupported_grant_type", "grant_type must be client_credentials.")
    scope = form.get("scope", "").split()
    if not SCOPES.issuperset(scope):
        raise GrantRefused("invalid_scope", f"Only these scopes are known: {', '.join(sorted(SCOPES))}.")
    return " ".join(scope)


def access_claims(client: DevClient, issuer: str, now: float, lifetime: float) -> dict[str, Any]:
    """What Keycloak would say about `client`, in the fields that Crossdock reads."""
    return {
        "iss": issuer,
        "sub": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{issuer}/{client.client_id}")),
        "aud": list(client.audience),
        "azp": client.client_id,
        "iat": int(now),
        "exp": int(now + lifetime),
        "jti": new_id(),
        "typ": "Bearer",
        "customer": client.customer,
        "realm_access": {"roles": list(client.roles)},
    }
