"""The realm's administration over Keycloak's own REST interface: each call makes one thing as it should be."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from crossdock.errors import ConfigError, TryLater
from installer import realm


class KeycloakDown(TryLater):
    """No answer, or one that says that it is not ready."""


class Keycloak:
    """`http` signs its calls as the installer's client; `url` is where Keycloak is. Calls say what they changed.

    All raise `KeycloakDown`, and `ConfigError` when Keycloak refuses.
    """

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._realm = f"{url.rstrip('/')}/admin/realms/{realm.NAME}"

    async def settle_realm(self) -> list[str]:
        if not _differs(realm.SETTINGS, await self._get("")):
            return []
        await self._call("PUT", "", dict(realm.SETTINGS))
        return ["realm settings"]

    async def disable(self, client_ids: Collection[str]) -> list[str]:
        """Of clients that there may be."""
        found = [await self._client(client_id) for client_id in client_ids]
        enabled = [client for client in found if client and client["enabled"]]
        for client in enabled:
            await self._call("PUT", f"/clients/{client['id']}", {**client, "enabled": False})
        return [f"client {client['clientId']} disabled" for client in enabled]

    async def settle_roles(self, names: Collection[str]) -> list[str]:
        known = {role["name"] for role in await self._get("/roles?max=10000")}
        missing = [name for name in names if name not in known]
        for name in missing:
            await self._call("POST", "/roles", {"name": name}, there=True)
        return [f"role {name}" for name in missing]

    async def settle_client(self, wanted: Mapping[str, Any], roles: Collection[str]) -> list[str]:
        """A confidential client whose service account has these realm roles and no others."""
        name, changes = wanted["clientId"], []
        found = await self._client(name)
        if found is None:
            await self._call("POST", "/clients", wanted, there=True)
            changes.append(f"client {name} made")
            found = await self._found(name)
        if _differs(wanted, found):  # also one just made: Keycloak adds the realm's default scopes to it
            await self._update(found, wanted)
            changes = changes or [f"client {name} changed"]
        return changes + await self._settle_account(name, found["id"], roles)

    async def remove_client(self, client_id: str) -> list[str]:
        client = await self._client(client_id)
        if client is None:
            return []
        await self._call("DELETE", f"/clients/{client['id']}", gone=True)
        return [f"client {client_id} removed"]

    async def _client(self, client_id: str) -> dict[str, Any] | None:
        found = await self._get(f"/clients?clientId={quote(client_id)}")
        return next((client for client in found if client["clientId"] == client_id), None)

    async def _found(self, client_id: str) -> dict[str, Any]:
        found = await self._client(client_id)
        if found is None:
            raise ConfigError(f"Somebody else removed the client {client_id} meanwhile. Run the command once more.")
        return found

    async def _update(self, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        path = f"/clients/{found['id']}"
        attributes = {**found.get("attributes", {}), **wanted["attributes"]}
        await self._call("PUT", path, {**wanted, "attributes": attributes})
        # Scopes are no part of that call.
        for kind in ("default", "optional"):
            for scope in await self._get(f"{path}/{kind}-client-scopes"):
                await self._call("DELETE", f"{path}/{kind}-client-scopes/{scope['id']}", gone=True)

    async def _settle_account(self, name: str, client: str, roles: Collection[str]) -> list[str]:
        user = await self._get(f"/clients/{client}/service-account-user")
        path = f"/users/{user['id']}/role-mappings/realm"
        held = {role["name"]: role for role in await self._get(path)}
        missing = [await self._get(f"/roles/{quote(role, safe='')}") for role in roles if role not in held]
        if missing:
            await self._call("POST", path, missing)
        surplus = [role for name, role in held.items() if name not in roles]
        if surplus:
            await self._call("DELETE", path, surplus)
        return [f"rights of {name}"] if missing or surplus else []

    async def _get(self, path: str) -> Any:
        return (await self._call("GET", path)).json()

    async def _call(
        self, method: str, path: str, body: object = None, *, there: bool = False, gone: bool = False
    ) -> httpx.Response:
        """`there`: somebody else may have made it meanwhile; `gone`: or deleted it."""
        try:
            answer = await self._http.request(method, f"{self._realm}{path}", json=body)
        except httpx.HTTPError as error:
            raise KeycloakDown(f"Keycloak does not answer ({type(error).__name__}).") from error
        passed = (there and answer.status_code == httpx.codes.CONFLICT) or (
            gone and answer.status_code == httpx.codes.NOT_FOUND
        )
        if answer.is_success or passed:
            return answer
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise KeycloakDown(f"Keycloak answers {answer.status_code}.")
        raise ConfigError(_refusal(method, path, answer.status_code))


def _refusal(method: str, path: str, status: int) -> str:
    what = f"{method} {path.partition('?')[0] or '/'}"
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        rights = ", ".join(realm.RIGHTS)
        return f"Keycloak forbids {what}. Give the client {realm.INSTALLER} these roles of realm-management: {rights}."
    return f"Keycloak refuses {what} with {status}. Its log says why."


def _differs(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return any(_unlike(value, found.get(key)) for key, value in wanted.items())


def _unlike(wanted: Any, found: Any) -> bool:
    """Of objects only the fields that are wanted count; of lists, which Keycloak sorts as it likes, all entries."""
    if isinstance(wanted, dict):
        return not isinstance(found, dict) or _differs(wanted, found)
    if isinstance(wanted, list):
        if len(wanted) != len(found or []):
            return True
        return any(all(_unlike(entry, other) for other in found) for entry in wanted)
    return bool(wanted != found)
