"""Which tokens may call which card."""

from collections.abc import Callable, Sequence

from crossdock.auth.bearer import BEARER, BearerCheck
from crossdock.auth.claims import CUSTOMER
from crossdock.auth.jws import read_claims
from crossdock.auth.refusals import TokenRefused
from crossdock.auth.verifier import LARGEST_TOKEN

ORCHESTRATOR = "-orchestrator"
OWN = f"*{ORCHESTRATOR}"
"""Asked for in place of a card: the orchestrator of the token's customer."""
NAMELESS = "<customer>"
"""Stands for the customer where callers are told what card they lack a token for."""


class CardChecks:
    """One check per card. `made` makes one for a card and, where set, the only customer that it answers."""

    def __init__(self, made: Callable[[str, str | None], BearerCheck]) -> None:
        self._made = made
        self._kept: dict[str, BearerCheck] = {}

    def check(self, card: str) -> BearerCheck:
        """An orchestrator's card answers the customer that is in its name."""
        customer = card.removesuffix(ORCHESTRATOR) if card.endswith(ORCHESTRATOR) else None
        return self._kept.get(card) or self._made(card, customer)

    def keep(self, card: str, check: BearerCheck) -> None:
        """Once it let somebody in: strangers can invent customers, but they cannot sign for them."""
        self._kept.setdefault(card, check)


def called(asked: str, values: Sequence[str]) -> str:
    """The card's name: `asked`, or for `OWN` by the customer in these values of `authorization`."""
    return f"{_claimed_customer(values)}{ORCHESTRATOR}" if asked == OWN else asked


def _claimed_customer(values: Sequence[str]) -> str:
    """Unverified: it decides only which card's audience is then asked of the token."""
    match = BEARER.fullmatch(values[0].strip(" \t")) if len(values) == 1 else None
    if match is None or len(match[1]) > LARGEST_TOKEN:
        return NAMELESS
    try:
        customer = read_claims(match[1]).get("customer")
    except TokenRefused:
        return NAMELESS
    return customer if isinstance(customer, str) and CUSTOMER.fullmatch(customer) else NAMELESS
