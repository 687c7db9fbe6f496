"""What Keycloak's realm should be, in Keycloak's terms: for its import at the first start, and for changes after."""

from collections.abc import Iterable, Mapping
from typing import Any

from crossdock.auth.clients import ClientRights
from installer.customer import Customer
from installer.vault import KEYCLOAK_ADMIN, Vault, client_secret

NAME = "crossdock"
INSTALLER = "installer"
TOKEN_SECONDS = 300
BUILT_IN = ("account", "account-console", "admin-cli", "security-admin-console")
"""Clients that Keycloak gives each realm, for people; nobody logs in here."""

SETTINGS: Mapping[str, Any] = {
    "realm": NAME,
    "enabled": True,
    "displayName": "Crossdock",
    "sslRequired": "external",
    "accessTokenLifespan": TOKEN_SECONDS,
    "defaultSignatureAlgorithm": "RS256",
    "registrationAllowed": False,
    "resetPasswordAllowed": False,
    "rememberMe": False,
    "editUsernameAllowed": False,
    "bruteForceProtected": True,
}
RIGHTS = ("manage-realm", "manage-clients", "manage-users")
"""Of the installer, in this realm alone."""


def roles(customers: Iterable[Customer]) -> list[str]:
    """All realm roles that any client holds."""
    return sorted({role for customer in customers for rights in customer.clients for role in rights.roles})


def client(rights: ClientRights, secret: str) -> dict[str, Any]:
    """A confidential client of a service account; its tokens say what `rights` says and no more."""
    mappers = [
        _mapper("subject", "oidc-sub-mapper", {}),
        _mapper("customer", "oidc-hardcoded-claim-mapper", _claim("customer") | {"claim.value": rights.customer}),
        _mapper("roles", "oidc-usermodel-realm-role-mapper", _claim("realm_access.roles") | {"multivalued": "true"}),
        *(
            _mapper(f"audience {card}", "oidc-audience-mapper", {"included.custom.audience": card})
            for card in rights.audience
        ),
    ]
    return {**_service_account(rights.client_id, secret), "protocolMappers": mappers}


def realm_import(customers: list[Customer], vault: Vault) -> dict[str, Any]:
    """The realm with these customers' clients, and the installer's own."""
    every = [rights for customer in customers for rights in customer.clients]
    return {
        **SETTINGS,
        "roles": {"realm": [{"name": role} for role in roles(customers)]},
        "clients": [
            _service_account(INSTALLER, vault.read(KEYCLOAK_ADMIN)),
            *(client(rights, vault.read(client_secret(rights.client_id))) for rights in every),
        ],
        "users": [
            _account(INSTALLER, clientRoles={"realm-management": list(RIGHTS)}),
            *(_account(rights.client_id, realmRoles=list(rights.roles)) for rights in every),
        ],
    }


def _service_account(client_id: str, secret: str) -> dict[str, Any]:
    return {
        "clientId": client_id,
        "enabled": True,
        "protocol": "openid-connect",
        "clientAuthenticatorType": "client-secret",
        "secret": secret,
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": True,
        "redirectUris": [],
        "webOrigins": [],
        "defaultClientScopes": [],
        "optionalClientScopes": [],
        "attributes": {"access.token.lifespan": str(TOKEN_SECONDS), "client_credentials.use_refresh_token": "false"},
    }


def _account(client_id: str, **granted: Any) -> dict[str, Any]:
    return {
        "username": f"service-account-{client_id}",
        "enabled": True,
        "serviceAccountClientId": client_id,
        **granted,
    }


def _mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"access.token.claim": "true", **config},
    }


def _claim(name: str) -> dict[str, str]:
    return {"claim.name": name, "jsonType.label": "String"}
