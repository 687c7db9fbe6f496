"""What an operator does in Keycloak's administration: clients for a while, and signing keys."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from crossdock.auth.clients import ACCESS, ClientRights
from crossdock.auth.discovery import WELL_KNOWN
from crossdock.auth.tokens import BearerAuth
from installer import realm
from installer.keycloak import Keycloak
from installer.vault import password
from tests.support.operated import Operated
from tests.support.served import Served

ADMIN = f"/admin/realms/{realm.NAME}"


class Administration:
    """`http` is a client of Keycloak itself, at its base URL; it signs its calls as the installer from now on."""

    def __init__(self, system: Served, http: httpx.AsyncClient) -> None:
        self._http, self._url = http, str(http.base_url).rstrip("/")
        tokens = system.tokens(http, realm.INSTALLER, f"{self._url}/realms/{realm.NAME}{WELL_KNOWN}")
        http.auth = BearerAuth(tokens, origins=[self._url])

    @asynccontextmanager
    async def client(self, rights: ClientRights, seconds: int = 300) -> AsyncIterator[str]:
        """The secret of a client that is there for so long; its tokens live for `seconds`."""
        keycloak, secret = Keycloak(self._http, self._url), password()
        wanted = realm.client(rights, secret)
        wanted["attributes"]["access.token.lifespan"] = str(seconds)
        try:
            await keycloak.settle_client(wanted, rights.roles)
            yield secret
        finally:
            await keycloak.remove_client(rights.client_id)

    async def add_key(self, priority: int) -> str:
        """A new key that signs, if no other has a higher priority; its id."""
        answer = await self._http.post(f"{ADMIN}/components", json=_key(f"test-{uuid.uuid4().hex[:8]}", priority))
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    async def change_key(self, component: str, **settings: str) -> None:
        url = f"{ADMIN}/components/{component}"
        found = (await self._http.get(url)).json()
        found["config"] |= {name: [value] for name, value in settings.items()}
        assert (await self._http.put(url, json=found)).is_success

    async def remove_key(self, component: str) -> None:
        assert (await self._http.delete(f"{ADMIN}/components/{component}")).is_success

    async def signing(self) -> Mapping[str, Any]:
        """The key that signs access tokens now: its `providerId` is the component, `providerPriority` its priority."""
        found = (await self._http.get(f"{ADMIN}/keys")).json()
        kid = found["active"]["RS256"]
        key: Mapping[str, Any] = next(each for each in found["keys"] if each["kid"] == kid)
        return key


@asynccontextmanager
async def administration(system: Operated[Any]) -> AsyncIterator[Administration]:
    (keycloak,) = await system.replicas("keycloak")
    async with system.reach(keycloak) as http:
        yield Administration(system, http)


async def brief_token(system: Operated[Any]) -> str:
    """Of a client whose tokens live for a second."""
    rights = ClientRights("test-brief", "acme", ("acme-orchestrator",), (ACCESS,))
    async with administration(system) as keycloak, keycloak.client(rights, seconds=1) as secret:
        return await system.token(rights.client_id, secret)


def _key(name: str, priority: int) -> dict[str, Any]:
    settings = {"priority": str(priority), "enabled": "true", "active": "true", "algorithm": "RS256", "keySize": "2048"}
    return {
        "name": name,
        "providerId": "rsa-generated",
        "providerType": "org.keycloak.keys.KeyProvider",
        "config": {setting: [value] for setting, value in settings.items()},
    }
