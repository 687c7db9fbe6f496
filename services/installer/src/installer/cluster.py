"""The place `cluster`: Kubernetes. Manifests with what is secret, and Jobs that do what only works inside."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from crossdock.errors import ConfigError
from installer import customer_check, mounts
from installer.agents import SKILLS
from installer.authority import Authority
from installer.customer import Customer, described, named
from installer.domain import DEFAULT, Domain
from installer.kubectl import Manifest
from installer.manifests import DATA, IDENTITY, JOB_SECONDS, ROLE, SYSTEM, closed, job, namespace
from installer.state import (
    AUTHORITY,
    PLATFORM,
    SECRETS,
    State,
    customer_secret,
    customer_secret_name,
    platform_secrets,
)
from installer.vault import READABLE, Vault, client_secret, customer_files, write_if_other

CUSTOMERS = Path("k8s/customers")
NAMESPACES = Path("k8s/base/namespaces")
DOMAIN = "domain"
IMAGE = re.compile(r"(?:(?P<registry>[^@]+)/)?crossdock/installer:(?P<tag>[\w.-]+)")
TAKEN = ("kube-", "crossdock-")
SETTINGS = {
    "KEYCLOAK_URL": f"http://keycloak.{IDENTITY}:8080",
    "REDIS_NODES": f"redis.{DATA}:6379",
    "POSTGRES": f"postgres.{DATA}:5432",
    "REDIS_ACL_SAVE": "true",
    "PATIENCE": str(JOB_SECONDS - 60),
}


class Cluster(Protocol):
    """`Kubectl`, or what stands in for it."""

    def apply(self, manifests: Iterable[Manifest]) -> None: ...

    def apply_folder(self, folder: str) -> None: ...

    def found(self, kind: str, name: str, namespace: str = "") -> Manifest | None: ...

    def delete(self, kind: str, name: str, namespace: str = "") -> None: ...

    def run_job(self, job: Manifest, seconds: float) -> None: ...


@dataclass(frozen=True)
class _Opened:
    """`users_version` is of Redis' users as they were before the state was read."""

    folder: Path
    users_version: str = ""

    @property
    def vault(self) -> Vault:
        return Vault(self.folder / SECRETS)

    @property
    def authority(self) -> Authority:
        return Authority(self.folder / AUTHORITY, self.folder / AUTHORITY)

    @property
    def domain(self) -> Domain:
        if not (self.vault.folder / DOMAIN).exists():
            raise ConfigError("The cluster is not prepared. Run `make platform PLACE=cluster` first.")
        return Domain.parsed(self.vault.read(DOMAIN))

    def settle_domain(self, asked: str) -> None:
        """The one that is asked for, else the one before."""
        domain = Domain.parsed(asked) if asked else self.domain if (self.vault.folder / DOMAIN).exists() else DEFAULT
        write_if_other(self.vault.folder / DOMAIN, f"{domain}\n", READABLE)

    def redis_users(self, customers: Iterable[Customer]) -> Manifest:
        return mounts.redis_users(self.vault, customers, self.users_version)


class ClusterPlace:
    """`root` is the repository, `overlay` the folder that says what stands before any release, `image` our own."""

    def __init__(
        self, root: Path, cluster: Cluster, state: State, *, overlay: str, image: str, domain: str = ""
    ) -> None:
        self.root, self.overlay, self.image, self.domain = root, overlay, image, domain
        self._cluster, self._state = cluster, state

    def customers(self) -> list[Customer]:
        with self._state.opened() as folder:
            return _Opened(folder).vault.customers()

    def prepare(self) -> None:
        """Namespaces, then their Secrets, then what needs them, then its users and clients."""
        with self._opened() as state:
            customers = state.vault.customers()
            state.vault.prepare(customers)
            state.vault.prepare_tests()
            state.settle_domain(self.domain)
            state.authority.prepare(state.domain.certificate_names)
            self._cluster.apply_folder(str(NAMESPACES))
            self._cluster.apply(
                [
                    *platform_secrets(state.folder, customers),
                    *mounts.shared(state.folder, state.domain),
                    state.redis_users(customers),
                ]
            )
            self._cluster.apply_folder(self.overlay)
            self._reconcile("platform", state.domain, [], customers)

    def add(self, name: str) -> str:
        """Comes back with the next command, when the customer's release can be installed."""
        customer = described(name, self.root / CUSTOMERS)
        self._check_file(customer)
        self._check_namespace(customer)
        with self._opened() as state:
            vault, domain = state.vault, state.domain
            known = {each.name: each for each in [*vault.customers(), customer]}
            vault.prepare(list(known.values()))
            self._cluster.apply(
                [
                    customer_secret(customer, vault),
                    state.redis_users(known.values()),
                    namespace(customer, self._namespace_labels()),
                    closed(customer),
                    *mounts.of_customer(customer, vault),
                ]
            )
            self._reconcile(name, domain, [name], [customer])
        return f"{name} has its rights. Now install its orchestrator:\n  {_helm_install(customer, domain, self.image)}"

    def remove(self, name: str) -> bool:
        """First its orchestrator goes, then its rights, and last what is needed for that."""
        customer = named(name)
        there = self._check_namespace(customer)
        with self._opened() as state:
            vault, domain = state.vault, state.domain
            if not there and customer not in vault.customers():
                return False
            self._cluster.delete("namespace", name)
            self._reconcile(name, domain, ["--remove", name], [])
            vault.forget(customer)
            self._cluster.apply([state.redis_users(vault.customers())])
            self._cluster.delete("secret", customer_secret_name(customer), SYSTEM)
        return True

    def renew(self, name: str) -> str:
        with self._opened() as state:
            vault, customers = state.vault, state.vault.customers()
            vault.renew(name)
            theirs = [customer_secret(each, vault) for each in customers if name in customer_files(each)]
            self._cluster.apply(theirs or platform_secrets(state.folder, customers))
        return "Now `make customer` for a customer's, `make platform` for an agent's; then restart what mounts it."

    async def token(self, name: str, client: str) -> str:
        customer = named(name)
        with self._state.opened() as folder:
            state = _Opened(folder)
            if customer not in state.vault.customers():
                raise ConfigError(f"{name} is not installed here. `installer customer list` names those that are.")
            client_id = f"{name}-{client}"
            secret = state.vault.read(client_secret(client_id))
            return await state.domain.token(state.authority.certificate_file, client_id, secret)

    @contextmanager
    def _opened(self) -> Iterator[_Opened]:
        found = self._cluster.found("secret", mounts.REDIS, DATA)
        version = str(found["metadata"]["resourceVersion"]) if found else ""
        with self._state.opened() as folder:
            yield _Opened(folder, version)

    def _reconcile(self, name: str, domain: Domain, words: list[str], customers: Iterable[Customer]) -> None:
        secrets = [PLATFORM, *map(customer_secret_name, customers)]
        settings = {"ISSUER": domain.issuer, **SETTINGS}
        made = job(f"reconcile-{name}", self.image, ["reconcile", *words], secrets, settings)
        self._cluster.run_job(made, JOB_SECONDS)

    def _namespace_labels(self) -> dict[str, str]:
        path = self.root / NAMESPACES / "kustomization.yaml"
        try:
            return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["labels"][0]["pairs"])
        except OSError as error:
            raise ConfigError(f"Cannot read {path}: {error.strerror}. Run this in the repository's folder.") from None

    def _check_file(self, customer: Customer) -> None:
        """Agents live here, or where the file itself says."""
        path = CUSTOMERS / f"{customer.name}.yaml"
        platform = yaml.safe_load((self.root / path).read_text(encoding="utf-8")).get("platform")
        elsewhere = platform.get("agents") if isinstance(platform, dict) else None
        customer_check.check(self.root, path, {*SKILLS, *(elsewhere if isinstance(elsewhere, dict) else ())})

    def _check_namespace(self, customer: Customer) -> bool:
        """Whether it is there. Raises `ConfigError` for one that is somebody else's."""
        name = customer.name
        if name.startswith(TAKEN):
            raise ConfigError(f"Names that begin with {' or '.join(TAKEN)} are taken on clusters. Choose another.")
        found = self._cluster.found("namespace", name)
        if found and found["metadata"].get("labels", {}).get(ROLE) != "customer":
            raise ConfigError(
                f"There is a namespace {name} that is no customer's. Choose another name for the customer. If it is "
                f"meant for it: kubectl label namespace {name} {ROLE}=customer"
            )
        return found is not None


def _helm_install(customer: Customer, domain: Domain, image: str) -> str:
    name = customer.name
    values = {"platform.domain": domain.name, "platform.httpsPort": str(domain.port), **_image_values(image)}
    place = " ".join(f"--set {key}={value}" for key, value in values.items())
    return f"helm upgrade --install {name} charts/orchestrator -n {name} -f {CUSTOMERS / name}.yaml {place}"


def _image_values(image: str) -> dict[str, str]:
    """What releases are told of theirs, if ours is named as those are that are built with it."""
    found = IMAGE.fullmatch(image)
    values = found.groupdict() if found else {}
    return {f"image.{key}": value for key, value in values.items() if value}
