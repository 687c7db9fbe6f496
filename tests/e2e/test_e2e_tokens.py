"""A token that Keycloak made and whose time is over."""

from tests.support.cases.tokens import *  # noqa: F403
