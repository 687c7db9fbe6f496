"""The secrets of a place: one file each, made once and kept.

The folder above belongs to its owner alone (0700); the files in it can be read by all, because containers see them
under other user ids.
"""

import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crossdock.auth.clients import ClientRights
from crossdock.auth.private_file import keep_private, write_private
from crossdock.errors import ConfigError
from crossdock.settings import read_secret
from installer import tester
from installer.agents import AGENTS
from installer.customer import Customer, named

POSTGRES = ("postgres-admin", "postgres-keycloak", "postgres-contracts")
REDIS_ADMIN = "redis-admin"
KEYCLOAK_ADMIN = "keycloak-admin"
LOCKED = frozenset({*POSTGRES, REDIS_ADMIN, KEYCLOAK_ADMIN})
MADE = ("redis-", "client-", "signing-")
PEM = ".pem"
READABLE = 0o444
CALLER, ORCHESTRATOR = "-caller", "-orchestrator"


class Vault:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, customers: list[Customer]) -> None:
        """Makes what is missing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for name in (*POSTGRES, REDIS_ADMIN, KEYCLOAK_ADMIN):
            self._keep(name, password)
        for card in [*(agent.card for agent in AGENTS), *(customer.card for customer in customers)]:
            self._keep(redis_password(card), password)
            self._keep(signing_key(card), private_key)
        for customer in customers:
            for client in customer.clients:
                self._keep(client_secret(client.client_id), password)

    def prepare_tests(self) -> None:
        """What `helm test` of the shared agents needs."""
        for client in tester.CLIENTS:
            self._keep(client_secret(client.client_id), password)

    def read(self, name: str) -> str:
        """Raises `ConfigError` where there is none."""
        return read_secret(self.folder / name)

    def write(self, name: str, text: str) -> None:
        write_if_other(self.folder / name, text, READABLE)

    def renew(self, name: str) -> None:
        """Another password; or a key that signs from now on, with the one before behind it. Raises `ConfigError`."""
        if name in LOCKED:
            raise ConfigError(
                f"{name} opens what is there already. Change it there first, then in its file here: docs/operations.md."
            )
        if not name.startswith(MADE) or not (self.folder / name).exists():
            known = ", ".join(self._renewable()) or "none before the first `make up`"
            raise ConfigError(f"There is no {name!a:.80} here. Those that can be renewed: {known}.")
        made = private_key() + one_key(self.read(name)) if name.endswith(PEM) else password()
        self.write(name, made)

    def _renewable(self) -> list[str]:
        return sorted(
            path.name for path in self.folder.glob("*") if path.name.startswith(MADE) and path.name not in LOCKED
        )

    def customers(self) -> list[Customer]:
        """Those that have both of their clients' secrets here."""
        kept = {path.name for path in self.folder.glob("client-*")}
        names = (name[len("client-") : -len(CALLER)] for name in kept if name.endswith(CALLER))
        return [named(name) for name in sorted(names) if client_secret(f"{name}{ORCHESTRATOR}") in kept]

    def clients(self) -> list[ClientRights]:
        """All whose secrets are here."""
        tests = [client for client in tester.CLIENTS if (self.folder / client_secret(client.client_id)).exists()]
        return [*(client for customer in self.customers() for client in customer.clients), *tests]

    def files(self, customer: Customer) -> list[Path]:
        """Where its secrets are, or would be."""
        return [self.folder / name for name in customer_files(customer)]

    def forget(self, customer: Customer) -> None:
        for path in self.files(customer):
            path.unlink(missing_ok=True)

    def _keep(self, name: str, make: Callable[[], str]) -> None:
        keep_private(self.folder / name, make, READABLE)


def customer_files(customer: Customer) -> list[str]:
    """All that is kept of a customer."""
    clients = [client_secret(client.client_id) for client in customer.clients]
    return list(dict.fromkeys([*clients, *mounted(customer.card)]))


def mounted(card: str) -> dict[str, str]:
    """What an orchestrator sees of the vault, each with its name there."""
    return {client_secret(card): "client-secret", **mounted_by_all(card)}


def mounted_by_all(card: str) -> dict[str, str]:
    """What every service that keeps tasks sees."""
    return {redis_password(card): "redis-password", signing_key(card): "signing-key"}


def redis_password(card: str) -> str:
    return f"redis-{card}"


def signing_key(card: str) -> str:
    return f"signing-{card}{PEM}"


def client_secret(client_id: str) -> str:
    return f"client-{client_id}"


def password() -> str:
    return secrets.token_urlsafe(32)


def private_key() -> str:
    """EC, P-256, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, plain).decode()


def one_key(pems: str) -> str:
    """The first of them."""
    end = "-----END PRIVATE KEY-----\n"
    return pems.partition(end.strip())[0] + end


def write_if_other(path: Path, text: str, mode: int) -> bool:
    """Whether it had to be written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        path.chmod(mode)
        return False
    write_private(path, text, mode)
    return True
