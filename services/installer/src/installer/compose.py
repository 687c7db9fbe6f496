"""The place `compose`: one machine, a folder that its operator alone may enter, and Docker Compose."""

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from crossdock.auth.private_file import make_private_folder
from crossdock.errors import ConfigError
from crossdock.profile import Access, Profile
from crossdock.settings import checked
from installer import acl, gateway, realm, startup
from installer.agents import AGENTS
from installer.authority import Authority
from installer.customer import HOST, Customer, described, named
from installer.docker import Docker
from installer.orchestrators import orchestrator_file
from installer.public import Origin
from installer.vault import READABLE, REDIS_ADMIN, Vault, client_secret, redis_password, write_if_other

FOLDER = Path(".crossdock/compose")
COMPOSE_FILE = "docker-compose.yml"
BASE = "docker/service.yml"
CUSTOMERS = Path("k8s/customers")
NEEDED = ("gateway", "keycloak", "postgres", "redis")
CARD_SECONDS = 60.0
CHECK = "customer-check"


class ComposePlace:
    """`root` is the repository. Everything that is written stands in `folder`, and can be written again.
    `variables` are those of the start, for the Compose file.

    Raises `ConfigError` where there is no repository.
    """

    def __init__(self, root: Path, folder: Path, origin: Origin, variables: Mapping[str, str] | None = None) -> None:
        self.root, self.folder, self.origin = root, folder, origin
        self.shipped = _shipped(root / COMPOSE_FILE)
        self.vault = Vault(folder / "secrets")
        self.authority = Authority(folder / "ca", folder / "tls")
        self.docker = Docker(root, self._files, variables or {})

    def customers(self) -> list[Customer]:
        """Those that are installed, or will be when the system is started."""
        found = {customer.name: customer for customer in [*self.shipped, *self.vault.customers()]}
        return [found[name] for name in sorted(found)]

    def prepare(self) -> None:
        with self._locked():
            self._write(self.customers())
            self._write_profile(self.customers())

    def add(self, name: str) -> str:
        """Raises `ConfigError` that says which step failed and what to do; it can be run again then."""
        began = time.monotonic()
        customer = described(name, self.root / CUSTOMERS)
        with self._locked():
            self.docker.check_running(NEEDED)
            self.check([customer])
            stays = customer in self.customers()
            try:
                self._install(customer)
            except ConfigError as error:
                raise error if stays else ConfigError(f"{error} {self._undone(customer)}") from None
        return f"{name} is served after {time.monotonic() - began:.1f} s."

    def check(self, customers: list[Customer]) -> None:
        """Whether their files would start an orchestrator, by its own word. Raises `ConfigError` with what is wrong."""
        for customer in customers:
            self._check_file(customer)
        files = [str(CUSTOMERS / f"{customer.name}.yaml") for customer in customers]
        if objection := self.docker.objection("run", "--rm", "-T", "--no-deps", CHECK, "check", *files):
            raise ConfigError(objection)

    def _check_file(self, customer: Customer) -> None:
        path = CUSTOMERS / f"{customer.name}.yaml"
        if not (self.root / path).exists():
            remedy = "" if customer in self.shipped else f" To remove it: make customer-remove NAME={customer.name}"
            raise ConfigError(f"{path} is gone, but {customer.name} is installed. Put the file back.{remedy}")

    def remove(self, name: str) -> bool:
        customer = named(name)
        if customer in self.shipped:
            raise ConfigError(f"{name} stands in {COMPOSE_FILE}. Take its service out there first, then remove it.")
        if not self.folder.exists() or not self._left_of(customer):
            return False
        with self._locked():
            self.docker.check_running(NEEDED)
            self._uninstall(customer)
        return True

    def _install(self, customer: Customer) -> None:
        known = {known.name: known for known in [*self.customers(), customer]}
        self._write(list(known.values()))
        self.docker.compose("run", "--rm", "-T", "--no-deps", "installer", "reconcile", customer.name)
        self._start(customer)
        self._reload_gateway()
        self.origin.wait_for_card(self.authority.certificate_file, customer, CARD_SECONDS)
        self._write_profile(self.customers())

    def _start(self, customer: Customer) -> None:
        try:
            self.docker.compose("up", "-d", "--no-deps", "--wait", customer.host)
        except ConfigError as error:
            said = self.docker.compose("logs", "--no-log-prefix", "--tail", "1", customer.host).splitlines() or ["none"]
            raise ConfigError(f"{error} Its last words: {said[-1].rstrip('.')}.") from None

    def _undone(self, customer: Customer) -> str:
        """What to tell of it beside the reason."""
        try:
            self._uninstall(customer)
        except ConfigError as error:
            return f"Nor could it be undone: {error} Then run `make customer-remove NAME={customer.name}`."
        return f"What was made for {customer.name} is removed again."

    def _uninstall(self, customer: Customer) -> None:
        """First nobody can call it, then it is stopped, then its rights go, and last what is needed for all that."""
        for path in self._names_of(customer):
            path.unlink()
        self._reload_gateway()
        if self._orchestrator_file(customer).exists():
            self.docker.compose("rm", "--stop", "--force", customer.host)
        self.docker.compose("run", "--rm", "-T", "--no-deps", "installer", "reconcile", "--remove", customer.name)
        self._orchestrator_file(customer).unlink(missing_ok=True)
        self.vault.forget(customer)
        self._write(self.customers())
        self._write_profile(self.customers())

    def _left_of(self, customer: Customer) -> list[Path]:
        """What is here of it; all of it is, unless an installation or a removal was cut short."""
        files = [*self._names_of(customer), self._orchestrator_file(customer), *self.vault.files(customer)]
        return [path for path in files if path.exists()]

    def _names_of(self, customer: Customer) -> list[Path]:
        return list((self.folder / "gateway" / "names").glob(f"{customer.name}.*"))

    def renew(self, name: str) -> str:
        with self._locked():
            self.vault.renew(name)
            self._write(self.customers())
        return "Now `make up`, which brings Keycloak and Redis in line; then restart the containers that mount it."

    async def token(self, name: str, client: str) -> str:
        customer = named(name)
        if customer not in self.vault.customers():
            raise ConfigError(f"{name} is not installed here. `installer customer list` names those that are.")
        client_id = f"{name}-{client}"
        secret = self.vault.read(client_secret(client_id))
        return await self.origin.token(self.authority.certificate_file, client_id, secret)

    def _write(self, customers: list[Customer]) -> None:
        self._write_secrets(customers)
        self.authority.prepare(self.origin.certificate_names)
        self._write_names(customers)
        self._customers_folder.mkdir(exist_ok=True)
        for customer in customers:
            if customer not in self.shipped:
                self._write_orchestrator(customer)

    def _write_profile(self, customers: list[Customer]) -> None:
        """For `crossdock --home`."""
        url, secrets = self.origin.url, self.vault.folder.resolve()
        access = {
            each.name: Access(
                f"{url}/agents/{each.name}", caller.client_id, str(secrets / client_secret(caller.client_id))
            )
            for each in customers
            for caller in each.clients[:1]
        }
        agents = {agent.id: f"{url}/agents/{agent.path}" for agent in AGENTS}
        Profile(self.origin.issuer, access, agents, str(self.authority.certificate_file.resolve())).write(self.folder)

    def _write_secrets(self, customers: list[Customer]) -> None:
        vault = self.vault
        vault.prepare(customers)
        passwords = {card: vault.read(redis_password(card)) for card in acl.cards(customers)}
        vault.write("users.acl", acl.users_file(passwords, vault.read(REDIS_ADMIN)))
        vault.write("realm.json", json.dumps(realm.realm_import(customers, vault), indent=2) + "\n")
        vault.write("keycloak.conf", self._keycloak_conf())

    def _keycloak_conf(self) -> str:
        """The rest of Keycloak's settings is no secret, and stands in its environment."""
        return f"db-password={self.vault.read('postgres-keycloak')}\n"

    def _write_names(self, customers: list[Customer]) -> None:
        folder = self.folder / "gateway" / "names"
        folder.mkdir(parents=True, exist_ok=True)
        for each in (folder.parent, folder):
            each.chmod(0o755)
        templates = gateway.read_templates(self.root / "docker" / "gateway")
        for route in gateway.routes(customers):
            for ending, template in templates.items():
                text = route.rendered(template, self.origin.public_host)
                write_if_other(folder / f"{route.name}.{ending}", text, READABLE)

    def _write_orchestrator(self, customer: Customer) -> None:
        secrets = self.vault.folder
        text = orchestrator_file(customer, BASE, CUSTOMERS / f"{customer.name}.yaml", secrets)
        write_if_other(self._orchestrator_file(customer), text, 0o644)

    def _orchestrator_file(self, customer: Customer) -> Path:
        return self._customers_folder / f"{customer.name}.yaml"

    @property
    def _customers_folder(self) -> Path:
        return self.folder / "customers"

    def _files(self) -> list[Path]:
        return [self.root / COMPOSE_FILE, *sorted(self._customers_folder.glob("*.yaml"))]

    def _reload_gateway(self) -> None:
        self.docker.compose("exec", "-T", "gateway", "nginx", "-t", "-q")
        self.docker.compose("exec", "-T", "gateway", "nginx", "-s", "reload")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time."""
        make_private_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def compose_place(root: Path, *, starting: bool = False) -> ComposePlace:
    """That of the repository, as it was started. Raises `ConfigError` for settings that do not fit, or are others."""
    variables = startup.variables(root / FOLDER, starting=starting)
    origin = checked(Origin, public_host=variables["PUBLIC_HOST"], https_port=variables["HTTPS_PORT"])
    return ComposePlace(root, root / FOLDER, origin, variables)


def _shipped(path: Path) -> list[Customer]:
    """Those whose orchestrators stand in the Compose file itself."""
    try:
        services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}. Run this in the folder of the repository.") from None
    except (ValueError, KeyError, TypeError, yaml.YAMLError):
        raise ConfigError(f"{path} is no Compose file. `docker compose config` says what is wrong with it.") from None
    prefix = f"{HOST}-"
    return [named(service.removeprefix(prefix)) for service in services if service.startswith(prefix)]
