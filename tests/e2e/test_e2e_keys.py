"""Keycloak's signing keys change while requests go on; and Keycloak itself goes away."""

from tests.support.cases.keys import *  # noqa: F403
