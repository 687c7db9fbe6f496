"""Why a token, or its holder, was refused: a reason for the metrics and a text for the caller."""

from crossdock.errors import Forbidden, Public, Unauthenticated


class Refusal(Public):
    """`reason` is one of a small closed set, fit for a metric's label.

    `client_id` is known only where the token's signature was good: what anybody could write is not worth logging.
    """

    def __init__(self, reason: str, text: str, client_id: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.client_id = client_id


class TokenRefused(Refusal, Unauthenticated):
    """Reasons: missing, malformed, oversized, algorithm, unknown_key, signature, issuer, audience, expired,
    not_yet_valid, claims, customer_claim."""


class AccessRefused(Refusal, Forbidden):
    """Reasons: role, other_customer."""
