"""A Keycloak on PostgreSQL that was started with what the installer wrote, and what the installer changes there."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crossdock.auth.discovery import WELL_KNOWN
from crossdock.auth.jwks import KeySet
from crossdock.auth.jws import read_claims, read_header
from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.auth.verifier import TokenVerifier
from crossdock.errors import ConfigError, Forbidden, Unauthenticated
from installer import realm
from installer.compose import ComposePlace
from installer.customer import Customer, named
from installer.public import Origin
from installer.reconciliation import forget, settle
from installer.settings import Settings
from installer.vault import KEYCLOAK_ADMIN, POSTGRES, Vault, client_secret
from tests.support.containers import Containers, containers, docker, mounted
from tests.support.installation import repository
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.timeout(420)
START_SECONDS = 380.0
DOCKER = Path(__file__).parents[3] / "docker"
ADMIN = f"/admin/realms/{realm.NAME}"
INITECH = named("initech")


@dataclass(frozen=True)
class System:
    """`url` is Keycloak's address as its neighbours see it; its tokens bear `origin.issuer`."""

    url: str
    origin: Origin
    vault: Vault
    redis: RedisServer
    postgres: str

    @property
    def discovery(self) -> str:
        return f"{self.url}/realms/{realm.NAME}{WELL_KNOWN}"

    def settings(self, **changed: Any) -> Settings:
        values: dict[str, Any] = {
            "issuer": self.origin.issuer,
            "keycloak_url": self.url,
            "redis_nodes": self.redis.nodes,
            "postgres": self.postgres,
            "secrets_folder": self.vault.folder,
        }
        return Settings(**(values | changed))

    @asynccontextmanager
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, timeout=30.0, trust_env=False) as client:
            yield client

    async def answer(self, http: httpx.AsyncClient, client_id: str, secret: str = "") -> httpx.Response:
        """The token endpoint's."""
        secret = secret or self.vault.read(client_secret(client_id))
        form = {"grant_type": "client_credentials"}
        return await http.post(
            f"/realms/{realm.NAME}/protocol/openid-connect/token", data=form, auth=(client_id, secret)
        )

    async def token(self, http: httpx.AsyncClient, client_id: str) -> str:
        answer = await self.answer(http, client_id)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @asynccontextmanager
    async def administered(self) -> AsyncIterator[httpx.AsyncClient]:
        secret = self.vault.read(KEYCLOAK_ADMIN)
        async with self.http() as http:
            source = TokenSource(
                http, self.origin.issuer, realm.INSTALLER, lambda: secret, discovery_url=self.discovery
            )
            http.auth = BearerAuth(source, origins=[self.url])
            yield http
            await source.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("keycloak")
    repo = repository(folder)
    origin = Origin(public_host="localhost", https_port=8443)
    place = ComposePlace(repo.root, repo.folder, origin)
    place.prepare()
    users = str(place.vault.folder / "users.acl")
    redis = RedisServer(folder / "redis", "--aclfile", users, user=("health", "health"))
    with containers() as started:
        postgres = _postgres(started, place.vault.folder)
        url = _keycloak(started, place.vault.folder, origin)
        asyncio.run(redis.start())
        try:
            yield System(url, origin, place.vault, redis, postgres)
        finally:
            redis.stop()


def _postgres(started: Containers, secrets: Path) -> str:
    """As docker-compose.yml starts it; host:port."""
    options = (
        *("--env", "POSTGRES_PASSWORD_FILE=/run/secrets/postgres-admin", "--publish", "127.0.0.1::5432"),
        *(part for name in POSTGRES for part in mounted(secrets / name, f"/run/secrets/{name}")),
        *mounted(DOCKER / "postgres", "/docker-entrypoint-initdb.d"),
    )
    container = started.run("postgres", "postgres:17", options=options)
    return f"127.0.0.1:{started.port(container, 5432)}"


def _keycloak(started: Containers, secrets: Path, origin: Origin) -> str:
    """As docker-compose.yml starts it."""
    environment = {
        "KC_DB_URL": "jdbc:postgresql://postgres/keycloak",
        "KC_DB_USERNAME": "keycloak",
        "KC_HOSTNAME": origin.url,
        "KC_HOSTNAME_BACKCHANNEL_DYNAMIC": "true",
        "KC_HTTP_ENABLED": "true",
    }
    options = (
        *(part for name, value in environment.items() for part in ("--env", f"{name}={value}")),
        *mounted(secrets / "keycloak.conf", "/opt/keycloak/conf/keycloak.conf"),
        *mounted(secrets / "realm.json", "/opt/keycloak/data/import/realm.json"),
        *("--publish", "127.0.0.1::8080", "--memory", "1g", "--restart", "on-failure:5"),
    )
    image = docker("build", "--quiet", str(DOCKER / "keycloak"))
    container = started.run("keycloak", image, "start", "--optimized", "--import-realm", options=options)
    url = f"http://127.0.0.1:{started.port(container, 8080)}"
    _wait(started, container, url)
    return url


def _wait(started: Containers, container: str, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and started.running(container):
        try:
            if httpx.get(f"{url}/realms/{realm.NAME}", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass  # not listening yet
        time.sleep(0.5)
    pytest.fail(f"Keycloak did not start:\n{started.log(container)[-3000:]}")


@asynccontextmanager
async def verifier(
    system: System, http: httpx.AsyncClient, audience: str, customer: str | None = None
) -> AsyncIterator[TokenVerifier]:
    keys = KeySet(http, system.origin.issuer, discovery_url=system.discovery)
    yield TokenVerifier(system.origin.issuer, audience, keys, customer=customer)
    await keys.close()


async def test_tokens_after_the_import_say_what_the_services_ask_for(system: System) -> None:
    async with system.http() as http:
        for customer in ("acme", "globex"):
            for rights in Customer(customer).clients:
                token = await system.token(http, rights.client_id)
                claims = read_claims(token)
                assert claims["exp"] - claims["iat"] <= 600
                assert set(claims["realm_access"]["roles"]) == set(rights.roles)
                audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
                assert set(audience) == set(rights.audience)
                for card in rights.audience:
                    async with verifier(system, http, card) as each:
                        principal = await each.verify(token)
                    assert (principal.customer, principal.client_id) == (customer, rights.client_id)
                    assert principal.subject != principal.client_id


async def test_a_token_is_good_for_its_own_orchestrator_only(system: System) -> None:
    async with system.http() as http:
        token = await system.token(http, "acme-caller")
        async with verifier(system, http, "acme-orchestrator", "acme") as own:
            assert (await own.verify(token)).customer == "acme"
        for card in ("globex-orchestrator", "anomaly-agent"):
            async with verifier(system, http, card) as other:
                with pytest.raises(Unauthenticated):
                    await other.verify(token)
        async with verifier(system, http, "acme-orchestrator", "globex") as other:
            with pytest.raises(Forbidden):
                await other.verify(token)
        assert (await system.answer(http, "acme-caller", "wrong")).status_code == 401


async def test_client_credentials_are_the_only_way_in(system: System) -> None:
    await settle(system.settings(), [])
    async with system.http() as http:
        auth = ("acme-caller", system.vault.read(client_secret("acme-caller")))
        url = f"/realms/{realm.NAME}/protocol/openid-connect"
        form = {"grant_type": "password", "username": "a", "password": "b"}
        assert (await http.post(f"{url}/token", data=form, auth=auth)).json()["error"] == "unauthorized_client"
        form |= {"client_id": "admin-cli"}
        assert (await http.post(f"{url}/token", data=form)).status_code == 401
        asked = {"client_id": "account-console", "response_type": "code", "redirect_uri": f"{system.origin.url}/"}
        assert (await http.get(f"{url}/auth", params=asked)).status_code == 400


async def test_settling_again_changes_nothing(system: System) -> None:
    await settle(system.settings(), [])
    assert await settle(system.settings(), []) == []


async def test_what_somebody_changed_is_set_right(system: System) -> None:
    async with system.administered() as http:
        await http.put(ADMIN, json={"accessTokenLifespan": 86_400, "registrationAllowed": True})
        client = (await http.get(f"{ADMIN}/clients", params={"clientId": "acme-caller"})).json()[0]
        audience = {"included.custom.audience": "globex-orchestrator", "access.token.claim": "true"}
        mapper = {"name": "more", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper"}
        changed = {**client, "directAccessGrantsEnabled": True, "secret": "known", "standardFlowEnabled": True}
        changed["protocolMappers"] = [*client["protocolMappers"], {**mapper, "config": audience}]
        assert (await http.put(f"{ADMIN}/clients/{client['id']}", json=changed)).is_success
        role = (await http.get(f"{ADMIN}/roles/{'skill:anomaly.detect_anomalies'}")).json()
        user = (await http.get(f"{ADMIN}/clients/{client['id']}/service-account-user")).json()
        assert (await http.post(f"{ADMIN}/users/{user['id']}/role-mappings/realm", json=[role])).is_success
        assert (await system.answer(http, "acme-caller", "known")).status_code == 200
        changes = await settle(system.settings(), [])
        assert changes == ["realm settings", "client acme-caller changed", "rights of acme-caller"]
        assert await settle(system.settings(), []) == []
        assert (await system.answer(http, "acme-caller", "known")).status_code == 401
        claims = read_claims(await system.token(http, "acme-caller"))
        assert claims["aud"] == "acme-orchestrator"
        assert set(claims["realm_access"]["roles"]) == {"agent-access", "skill:orchestrator.handle_request"}
        assert claims["exp"] - claims["iat"] <= 600


async def test_a_third_customer_comes_and_goes_while_others_get_tokens(system: System) -> None:
    stop, answers = asyncio.Event(), []

    async def ask(http: httpx.AsyncClient) -> None:
        while not stop.is_set():
            answers.append((await system.answer(http, "acme-caller")).status_code)

    async with system.http() as http, asyncio.TaskGroup() as group:
        group.create_task(ask(http))
        await _comes_and_goes(system, http)
        stop.set()
    assert len(answers) > 5
    assert set(answers) == {200}


async def _comes_and_goes(system: System, http: httpx.AsyncClient) -> None:
    with pytest.raises(ConfigError, match="customer add"):
        await settle(system.settings(), [INITECH])
    system.vault.prepare([INITECH])
    secret = system.vault.read(client_secret("initech-caller"))
    made = await settle(system.settings(), [INITECH])
    assert {"client initech-caller made", "Redis user initech-orchestrator"} <= set(made)
    assert await settle(system.settings(), [INITECH]) == []
    async with verifier(system, http, "initech-orchestrator", "initech") as own:
        assert (await own.verify(await system.token(http, "initech-caller"))).customer == "initech"
    async with verifier(system, http, "contract-agent") as agent:
        assert (await agent.verify(await system.token(http, "initech-orchestrator"))).customer == "initech"
    gone = await forget(system.settings(), [INITECH])
    assert gone == [
        "client initech-caller removed",
        "client initech-orchestrator removed",
        "Redis user initech-orchestrator removed",
    ]
    assert await forget(system.settings(), [INITECH]) == []
    system.vault.forget(INITECH)
    assert (await system.answer(http, "initech-caller", secret)).status_code == 401


async def test_a_key_that_is_rotated_in_keycloak_costs_no_refusal(system: System) -> None:
    async with system.administered() as http, verifier(system, http, "acme-orchestrator") as each:
        before = await system.token(http, "acme-caller")
        await each.verify(before)
        provider = {
            "name": "rotated",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["200"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"]},
        }
        assert (await http.post(f"{ADMIN}/components", json=provider)).is_success
        after = await system.token(http, "acme-caller")
        assert read_header(before)["kid"] != read_header(after)["kid"]
        await each.verify(after)
        await each.verify(before)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"keycloak_url": "http://127.0.0.1:1", "patience": 1.0}, "Keycloak's log"),
        ({"redis_nodes": "127.0.0.1:1", "patience": 1.0}, "Redis' log"),
    ],
)
async def test_an_error_says_what_to_do(changed: dict[str, Any], words: str, system: System) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        await settle(system.settings(**changed), [])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "words"), [(KEYCLOAK_ADMIN, "client installer"), ("redis-admin", "restart Redis")])
async def test_a_wrong_secret_of_the_installer(name: str, words: str, system: System, tmp_path: Path) -> None:
    for secret in system.vault.folder.iterdir():
        (tmp_path / secret.name).write_text("another one" if secret.name == name else secret.read_text())
    with pytest.raises(ConfigError, match=words) as refused:
        await settle(system.settings(secrets_folder=tmp_path), [])
    assert "\n" not in str(refused.value)
    assert "another one" not in str(refused.value)
