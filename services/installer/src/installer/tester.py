"""The two clients with which `helm test` calls a shared agent: they are nobody's, and there before any customer."""

from crossdock.auth.clients import ClientRights, customer_clients
from installer.agents import SKILLS

NAME = "agents-test"
"""What it sends is owned by this name, which no customer can have."""

_, _LIKE = customer_clients(NAME, SKILLS)
CLIENT = ClientRights(NAME, NAME, _LIKE.audience, _LIKE.roles)
OTHER = ClientRights(f"{NAME}-other", NAME, (NAME,), _LIKE.roles)
"""Its tokens are for no agent."""
CLIENTS = (CLIENT, OTHER)
