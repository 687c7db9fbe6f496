"""Where a cluster's secrets are at home, and how they come into a folder: the installer works on files alone."""

import fcntl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from crossdock.auth.private_file import make_private_folder, write_private
from installer.customer import Customer
from installer.kubectl import Manifest
from installer.manifests import CUSTOMER, SYSTEM, contents, secret
from installer.vault import READABLE, Vault, customer_files

SECRETS, AUTHORITY = "secrets", "authority"
"""The two folders of a state."""
FOLDER = "crossdock.dev/state"
"""A label: the folder that a Secret's files belong into."""
PLATFORM = "platform"


class State(Protocol):
    def opened(self) -> AbstractContextManager[Path]:
        """The folder, for as long as it is worked on."""


class FolderState:
    """It stays on this machine, and has one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def opened(self) -> Iterator[Path]:
        make_private_folder(self._folder)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._folder


class Labelled(Protocol):
    """`Kubectl`, or what stands in for it."""

    def labelled(self, kind: str, label: str, namespace: str) -> list[Manifest]: ...


class SecretState:
    """Secrets of crossdock-system, copied for a moment. What is new reaches them with the other manifests."""

    def __init__(self, cluster: Labelled) -> None:
        self._cluster = cluster

    @contextmanager
    def opened(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="crossdock-") as made:
            for found in self._cluster.labelled("secret", FOLDER, SYSTEM):
                folder = Path(made) / found["metadata"]["labels"][FOLDER]
                folder.mkdir(exist_ok=True)
                for name, content in contents(found).items():
                    write_private(folder / name, content, READABLE)
            yield Path(made)


def platform_secrets(folder: Path, customers: Iterable[Customer]) -> list[Manifest]:
    """The state as Secrets, but for those of customers, which have one each."""
    theirs = {name for customer in customers for name in customer_files(customer)}
    own = {name: content for name, content in _files(folder / SECRETS).items() if name not in theirs}
    return [
        secret(PLATFORM, SYSTEM, own, labels={FOLDER: SECRETS}),
        secret("certificate-authority", SYSTEM, _files(folder / AUTHORITY), labels={FOLDER: AUTHORITY}),
    ]


def customer_secret(customer: Customer, vault: Vault) -> Manifest:
    files = {name: vault.read(name) + "\n" for name in customer_files(customer)}
    return secret(customer_secret_name(customer), SYSTEM, files, labels={FOLDER: SECRETS, CUSTOMER: customer.name})


def customer_secret_name(customer: Customer) -> str:
    return f"customer-{customer.name}"


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
