"""The Secrets that pods mount on a cluster, made of a state."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from installer import acl, realm, tester
from installer.agents import AGENTS, SharedAgent
from installer.customer import Customer
from installer.domain import Domain
from installer.kubectl import Manifest
from installer.manifests import AGENTS as AGENTS_NAMESPACE
from installer.manifests import DATA, EDGE, IDENTITY, secret
from installer.state import AUTHORITY, SECRETS
from installer.vault import POSTGRES, REDIS_ADMIN, Vault, client_secret, mounted, mounted_by_all, redis_password

REDIS = "redis"
CERTIFICATE = "crossdock-tls"
TESTED = {
    client_secret(tester.CLIENT.client_id): "client-secret",
    client_secret(tester.OTHER.client_id): "other-secret",
    client_secret(tester.STRANGER.client_id): "stranger-secret",
}


def shared(folder: Path, domain: Domain) -> list[Manifest]:
    """All but those of Redis and of customers."""
    vault = Vault(folder / SECRETS)
    tls = {"tls.crt": "gateway.crt", "tls.key": "gateway.key"}
    return [
        secret("postgres", DATA, _read(vault, {name: name for name in POSTGRES})),
        secret("keycloak", IDENTITY, _keycloak_files(vault, domain)),
        *(secret(agent.card, AGENTS_NAMESPACE, _read(vault, _agent_files(agent))) for agent in AGENTS),
        *(secret(f"{agent.card}-test", AGENTS_NAMESPACE, _read(vault, TESTED)) for agent in AGENTS),
        secret(CERTIFICATE, EDGE, _read(Vault(folder / AUTHORITY), {kept: name for name, kept in tls.items()})),
    ]


def redis_users(vault: Vault, customers: Iterable[Customer], version: str) -> Manifest:
    """All of them in one file: who writes it over another `version` than the one that they knew is refused."""
    passwords = {card: vault.read(redis_password(card)) for card in acl.cards(customers)}
    return secret(REDIS, DATA, {"users.acl": acl.users_file(passwords, vault.read(REDIS_ADMIN))}, version=version)


def of_customer(customer: Customer, vault: Vault) -> list[Manifest]:
    """Those of the orchestrator, and of `helm test`, which calls it as a caller does."""
    caller, orchestrator = (client_secret(client.client_id) for client in customer.clients)
    tested = {caller: "client-secret", orchestrator: "other-secret"}
    return [
        secret(customer.card, customer.name, _read(vault, mounted(customer.card))),
        secret(f"{customer.card}-test", customer.name, _read(vault, tested)),
    ]


def _keycloak_files(vault: Vault, domain: Domain) -> dict[str, str]:
    """The realm without customers: theirs come over Keycloak's own interface, the first ones too."""
    conf = f"db-password={vault.read('postgres-keycloak')}\nhostname={domain.realm_host}\n"
    return {"keycloak.conf": conf, "realm.json": json.dumps(realm.realm_import([], vault), indent=2) + "\n"}


def _agent_files(agent: SharedAgent) -> dict[str, str]:
    database = {f"postgres-{agent.database}": "database-password"} if agent.database else {}
    return {**mounted_by_all(agent.card), **database}


def _read(vault: Vault, files: Mapping[str, str]) -> dict[str, str]:
    """`files` are names in the vault, each with the one that it is mounted as."""
    return {name: vault.read(kept) + "\n" for kept, name in files.items()}
