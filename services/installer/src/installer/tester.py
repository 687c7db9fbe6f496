"""The clients with which `helm test` calls a shared agent: they are nobody's, and there before any customer."""

from crossdock.auth.clients import ClientRights, customer_clients
from installer.agents import SKILLS

NAME = "agents-test"
"""What it sends is owned by this name. No customer can have one of `OWNERS`."""

_, _LIKE = customer_clients(NAME, SKILLS)
CLIENT = ClientRights(NAME, NAME, _LIKE.audience, _LIKE.roles)
OTHER = ClientRights(f"{NAME}-other", NAME, (NAME,), _LIKE.roles)
"""Its tokens are for no agent."""
STRANGER = ClientRights(f"{NAME}-stranger", f"{NAME}-stranger", _LIKE.audience, _LIKE.roles)
"""Of another owner: neither may find what the other one sent."""
CLIENTS = (CLIENT, OTHER, STRANGER)
OWNERS = frozenset(client.customer for client in CLIENTS)
