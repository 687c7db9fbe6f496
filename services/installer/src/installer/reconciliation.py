"""Inside the network: Keycloak and Redis brought in line with the secrets of the place, PostgreSQL where one goes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from crossdock.auth.discovery import WELL_KNOWN
from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.errors import ConfigError, TryLater
from crossdock.tasks.redis_connection import PASSING, parsed_nodes
from crossdock.tasks.redis_owners import forget_owner
from installer import acl, databases, realm
from installer.agents import AGENTS
from installer.customer import Customer
from installer.databases import Databases
from installer.keycloak import Keycloak
from installer.redis_users import RedisUsers
from installer.settings import Settings
from installer.vault import KEYCLOAK_ADMIN, REDIS_ADMIN, Vault, client_secret, redis_password

PAUSE = 0.5
SECONDS = 10.0


@dataclass(frozen=True)
class _Network:
    vault: Vault
    keycloak: Keycloak
    users: RedisUsers
    redis: Redis
    databases: Databases


Work = Callable[[_Network], Awaitable[list[str]]]


async def settle(settings: Settings, customers: list[Customer]) -> list[str]:
    """Makes what these customers need, by default what all need; returns what was changed.

    Raises `ConfigError` that says what to do. It can be run again at any time.
    """
    vault = Vault(settings.secrets_folder)
    known = vault.customers()
    if strangers := [customer.name for customer in customers if customer not in known]:
        raise ConfigError(f"There are no secrets of {', '.join(strangers)}. Run `installer customer add` for it first.")
    cards = [customer.card for customer in customers] or acl.cards(known)
    clients = [client for customer in customers for client in customer.clients] or vault.clients()

    async def work(network: _Network) -> list[str]:
        changes = [await network.users.settle(card, network.vault.read(redis_password(card))) for card in cards]
        if not customers:
            changes += [await network.keycloak.settle_realm(), await network.keycloak.disable(realm.BUILT_IN)]
        changes.append(await network.keycloak.settle_roles(sorted({role for each in clients for role in each.roles})))
        for rights in clients:
            wanted = realm.client(rights, network.vault.read(client_secret(rights.client_id)))
            changes.append(await network.keycloak.settle_client(wanted, rights.roles))
        return [line for lines in changes for line in lines]

    return await _patiently(settings, work)


async def forget(settings: Settings, customers: list[Customer]) -> list[str]:
    """Takes the customers' clients and Redis users away, then their tasks, and what agents keep of them; as `settle`
    otherwise. Whoever has one of the names next finds nothing."""

    async def work(network: _Network) -> list[str]:
        changes = []
        for customer in customers:
            changes += [await network.keycloak.remove_client(rights.client_id) for rights in customer.clients]
            changes.append(await network.users.remove(customer.card))
            changes += [await _tasks_forgotten(network.redis, agent.card, customer) for agent in AGENTS]
            changes.append(await network.databases.forget(customer))
        return [line for lines in changes for line in lines]

    return await _patiently(settings, work)


async def _tasks_forgotten(redis: Redis, card: str, customer: Customer) -> list[str]:
    tasks = await forget_owner(redis, card, customer.name)
    return [f"{tasks} tasks of {customer.name} at {card} deleted"] if tasks else []


async def _patiently(settings: Settings, work: Work) -> list[str]:
    """Again from the start while somebody is still starting: what is done is left as it is."""
    again = AsyncRetrying(
        stop=stop_after_delay(settings.patience),
        wait=wait_fixed(PAUSE),
        retry=retry_if_exception(_passes),
        reraise=True,
    )
    try:
        async with _network(settings) as network:
            return await again(work, network)
    except TryLater:
        raise ConfigError(
            f"Keycloak at {settings.keycloak_url} did not answer within {settings.patience:g} s. "
            "Look at Keycloak's log."
        ) from None
    except (AuthenticationError, NoPermissionError):
        raise ConfigError(
            f"Redis refuses its user {acl.ADMIN}. It was started with another {REDIS_ADMIN}: restart Redis, "
            "so that it reads its file of users again."
        ) from None
    except databases.PASSING:
        raise ConfigError(
            f"PostgreSQL at {settings.postgres} cannot be reached, or refuses the users of the agents' databases. "
            "Look at PostgreSQL's log."
        ) from None
    except (RedisError, OSError) as error:
        raise ConfigError(
            f"Redis at {settings.redis_nodes} does not do what it is asked ({type(error).__name__}). "
            "Look at Redis' log."
        ) from None


def _passes(error: BaseException) -> bool:
    return isinstance(error, (TryLater, databases.PASSING, *PASSING)) and not isinstance(error, AuthenticationError)


@asynccontextmanager
async def _network(settings: Settings) -> AsyncIterator[_Network]:
    vault = Vault(settings.secrets_folder)
    secret = vault.read(KEYCLOAK_ADMIN)
    host, port = parsed_nodes(settings.redis_nodes)[0]
    redis = Redis(host=host, port=port, username=acl.ADMIN, password=vault.read(REDIS_ADMIN), socket_timeout=SECONDS)
    url = settings.keycloak_url.rstrip("/")
    discovery = f"{url}/realms/{realm.NAME}{WELL_KNOWN}"
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
        tokens = TokenSource(http, settings.issuer, realm.INSTALLER, lambda: secret, discovery_url=discovery)
        http.auth = BearerAuth(tokens, origins=[url])
        try:
            users = RedisUsers(redis, saving=settings.redis_acl_save)
            yield _Network(vault, Keycloak(http, url), users, redis, Databases(settings.postgres, vault))
        finally:
            await tokens.close()
            await redis.aclose()
