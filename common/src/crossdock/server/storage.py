"""The journal that the settings ask for."""

from crossdock.errors import ConfigError
from crossdock.settings import ServiceSettings, read_secret
from crossdock.tasks.journal import JournalLimits, TaskJournal
from crossdock.tasks.memory import MemoryJournal

CONFIRM_SECONDS = 1.0


def journal_for(settings: ServiceSettings, service: str) -> TaskJournal:
    """Raises `ConfigError`. `service` separates the keys of services that share a Redis."""
    limits = JournalLimits(
        lease=settings.lease_seconds,
        retention=settings.retention_seconds,
        interrupted=settings.interrupted_seconds,
        idempotency=settings.idempotency_seconds,
        queued=settings.queued_tasks,
        owner_bytes=settings.owner_bytes,
        pushes=settings.push_configs_per_task,
    )
    if settings.redis_nodes:
        return _on_redis(settings, service, limits)
    if settings.replicas > 1:
        raise ConfigError(
            f"CROSSDOCK_REPLICAS: {settings.replicas} replicas can share their tasks only over Redis. "
            "Set CROSSDOCK_REDIS_NODES, or run one."
        )
    if settings.role != "both":
        raise ConfigError("CROSSDOCK_ROLE: processes can share the work only over Redis. Set CROSSDOCK_REDIS_NODES.")
    return MemoryJournal(limits)


def _on_redis(settings: ServiceSettings, service: str, limits: JournalLimits) -> TaskJournal:
    # Only here: the embedded default does without the driver's import.
    from crossdock.tasks.redis_connection import RedisAddress, parsed_nodes
    from crossdock.tasks.redis_journal import RedisJournal

    if settings.redis_mode == "sentinel" and not settings.redis_master:
        raise ConfigError("CROSSDOCK_REDIS_MASTER: name the master that the Sentinels watch.")
    if settings.redis_mode == "cluster" and settings.durability == "replica":
        raise ConfigError("CROSSDOCK_DURABILITY: a cluster's writes cannot be confirmed. Use Sentinel, or primary.")
    address = RedisAddress(
        nodes=parsed_nodes(settings.redis_nodes),
        mode=settings.redis_mode,
        master=settings.redis_master,
        database=settings.redis_database,
        username=settings.redis_username or None,
        password=read_secret(settings.redis_password_file) if settings.redis_password_file else None,
        tls=settings.redis_tls,
        ca_file=settings.redis_ca_file,
    )
    confirm = CONFIRM_SECONDS if settings.durability == "replica" else 0.0
    return RedisJournal(service, address, limits, shards=settings.redis_shards, confirm=confirm)
