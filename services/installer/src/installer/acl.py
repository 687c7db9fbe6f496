"""The users of Redis: one per service, which sees its own keys and channels, and of their names only."""

import hashlib
from collections.abc import Iterable

from installer.agents import AGENTS
from installer.customer import Customer

ADMIN = "admin"
COMMANDS = (
    *("-@all", "+@read", "+@write", "+@connection", "+@transaction", "+eval", "+evalsha", "+script|load", "+time"),
    *("+publish", "+subscribe", "+unsubscribe", "+wait", "-@admin", "-@dangerous"),
    # These tell of other services' keys, or change what all share, without naming a key.
    *("-scan", "-randomkey", "-dbsize", "-function"),
)
"""What a service may send: what the task journal needs, and reading and writing of its keys otherwise."""


def service_rules(card: str, secret: str) -> tuple[str, ...]:
    """As `ACL SETUSER` takes them, for a user as new. The password is given as its hash."""
    return ("reset", "on", "sanitize-payload", _hash(secret), f"~{keys(card)}", f"&{keys(card)}", *COMMANDS)


def keys(card: str) -> str:
    """The pattern of a service's keys and channels."""
    return f"xd:{card}:*"


def cards(customers: Iterable[Customer]) -> list[str]:
    """The services that keep tasks; each is a user of that name."""
    return [*(agent.card for agent in AGENTS), *(customer.card for customer in customers)]


def users_file(passwords: dict[str, str], admin: str) -> str:
    """An ACL file, without passwords. `health` may only ask whether Redis answers, for its health check."""
    lines = [
        # Nobody can be this user; but Redis reads its append-only file back as it, and would drop transactions.
        "user default off resetpass ~* &* +@all",
        "user health on nopass -@all +ping",
        f"user {ADMIN} on {_hash(admin)} ~* &* +@all",
        *(f"user {card} {' '.join(service_rules(card, secret)[1:])}" for card, secret in passwords.items()),
    ]
    return "\n".join(lines) + "\n"


def _hash(secret: str) -> str:
    return f"#{hashlib.sha256(secret.encode()).hexdigest()}"
