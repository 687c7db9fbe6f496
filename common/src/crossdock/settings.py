"""What every service can be told, by environment variables that begin with CROSSDOCK_ or by arguments."""

from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, TypeAdapter, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from crossdock.errors import ConfigError
from crossdock.tasks.resumption import Resumption

Role = Literal["api", "worker", "both"]
Durability = Literal["primary", "replica"]
RedisMode = Literal["standalone", "cluster", "sentinel"]
MIB = 1024 * 1024
HIGHEST_PORT = 65535
QUEUED = (
    "Tasks of one customer that may wait for a free worker. Each shard of the task store takes an equal part, and at "
    "least one: a customer whose tasks lie unevenly is refused a little earlier."
)
OWNED = (
    "What one customer's tasks may hold in the task store, with their webhooks and checkpoints; each of its shards "
    "takes an equal part of it."
)
ASKED = (
    "Requests of one customer in a minute, over all its tokens, all bindings and all replicas; 0 for any number. "
    "Cards are not counted, and a stream is one request."
)
PORTS = "Service port; health and metrics listen on this plus 1000, gRPC on this plus 2000."


class ProcessSettings(BaseSettings):
    """What every process that checks tokens can be told. Frozen; unknown fields are refused. Times are seconds."""

    model_config = SettingsConfigDict(env_prefix="CROSSDOCK_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(ge=1, le=64535, description=PORTS)
    issuer: str = Field(description="URL of the OIDC issuer whose tokens are accepted.")
    issuer_discovery_url: str = Field("", description="Where the issuer's discovery document is, if not at the issuer.")
    jwks_ttl: float = Field(300.0, gt=0, description="How long signing keys are used before they are fetched again.")

    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    log_readable: bool = Field(False, description="Logs for eyes instead of JSON.")
    otlp_endpoint: str = Field("", description="OTLP/HTTP collector for traces; none by default.")
    trace_ratio: float = Field(
        1.0, ge=0, le=1, description="Share of traces that are recorded, of those that no caller has decided on."
    )

    @field_validator("issuer", "otlp_endpoint", "issuer_discovery_url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value)

    @property
    def management_port(self) -> int:
        return self.port + 1000

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Reads the environment. Raises `ConfigError` with every problem, one per line."""
        return checked(cls, **values)


class ServiceSettings(ProcessSettings):
    """Those of an agent. Sizes are bytes, times are seconds."""

    grpc: bool = Field(True, description="Whether A2A is served over gRPC too.")
    grpc_port: int = Field(
        0, ge=0, le=HIGHEST_PORT, validate_default=True, description="gRPC port, if not the service port plus 2000."
    )
    grpc_address: str = Field(
        "", description="host:port of gRPC in the Agent Card; by default the host of the URL there, and the gRPC port."
    )
    grpc_reflection: bool = Field(False, description="Whether gRPC tells callers with a token its services.")
    public_url: str = Field("", description="URL in the Agent Card; by default http://host:port.")
    version: str = Field("0.1.0", description="Version in the Agent Card.")
    replicas: int = Field(
        1,
        ge=1,
        description="How many replicas of this service run at most; more than one share their tasks over Redis.",
    )

    max_body: int = Field(48 * MIB, gt=0, description="Largest request, of HTTP or gRPC.")
    body_seconds: float = Field(
        30.0,
        gt=0,
        description="How long the body of an HTTP request may take, beside a second for each 256 KiB of it, or pause.",
    )
    max_file: int = Field(32 * MIB, gt=0, description="Largest file, inline or by URL.")
    allow_private_urls: bool = Field(False, description="Whether files may be fetched from private addresses.")
    max_hops: int = Field(8, ge=1, description="A call that went through more agents than this is refused.")
    task_seconds: float = Field(600.0, gt=0, description="A task's time limit.")
    interrupted_seconds: float = Field(86_400.0, gt=0, description="How long a task waits for its caller.")
    stream_idle_seconds: float = Field(900.0, gt=0, description="A stream without events is closed after this.")
    streams_per_customer: int = Field(100, ge=1, description="Open event streams of one customer, at each replica.")
    requests_per_minute: int = Field(0, ge=0, description=ASKED)
    request_burst: int = Field(200, ge=1, description="Requests of one customer that may come at once.")
    running_tasks: int = Field(32, ge=1, description="Tasks worked at a time.")
    queued_tasks: int = Field(1_000, ge=1, description=QUEUED)
    owner_bytes: int = Field(512 * MIB, gt=0, description=OWNED)
    role: Role = Field("both", description="What this process does: api (accepts and answers), worker, or both.")
    resumable: dict[str, Resumption] = Field(
        {},
        description="By skill (* for the others), what becomes of a task whose replica is lost: never, restart or "
        "checkpoint; JSON.",
    )
    lease_seconds: float = Field(3.0, gt=0.1, description="A replica that is silent for so long loses its tasks.")
    idempotency_seconds: float = Field(86_400.0, gt=0, description="How long an Idempotency-Key is remembered.")
    compute_processes: int = Field(2, ge=1, description="Child processes that compute at a time.")
    retention_seconds: float = Field(3_600.0, gt=0, description="Finished tasks are forgotten after this.")
    drain_seconds: float = Field(20.0, ge=0, description="How long running tasks may go on after SIGTERM.")

    push_notifications: bool = Field(True, description="Whether tasks' events are sent to callers' webhooks.")
    push_private_urls: bool = Field(False, description="Whether webhooks may have private addresses.")
    push_plain_http: bool = Field(
        False, description="Whether webhooks may have http:// URLs, over which events and credentials are in the clear."
    )
    push_configs_per_task: int = Field(10, ge=1, description="Webhooks of one task.")
    push_attempts: int = Field(10, ge=1, description="A webhook that fails so often in a row is given up.")
    push_retry_seconds: float = Field(1.0, gt=0, description="Pause after a webhook's first failure; it doubles.")
    push_timeout_seconds: float = Field(10.0, gt=0, description="What one notification may take.")
    push_max_body: int = Field(4 * MIB, ge=1024, description="Largest notification; larger events are shortened.")
    signing_key_file: Path | None = Field(
        None,
        description="Private keys (PEM) for the signatures of the card and of notifications, the one that signs first. "
        "By default one is made at start, and the card is not signed; replicas need a file that is the same for all.",
    )

    redis_nodes: str = Field(
        "", description="Redis as host:port, commas between nodes; by default tasks are in memory."
    )
    redis_mode: RedisMode = Field("standalone", description="standalone, cluster or sentinel.")
    redis_master: str = Field("", description="Name of the master that the Sentinels watch.")
    redis_database: int = Field(0, ge=0, description="Database number; a cluster has only 0.")
    redis_username: str = Field("", description="ACL user.")
    redis_password_file: Path | None = Field(None, description="File that holds the ACL user's password.")
    redis_tls: bool = Field(False, description="Whether Redis is reached by TLS.")
    redis_ca_file: Path | None = Field(None, description="CA certificates for Redis, if not the system's.")
    durability: Durability = Field(
        "primary", description="replica: accepting and ending a task wait for one replica of Redis to have them."
    )
    redis_shards: int = Field(1, ge=1, le=1024, description="Parts of the task store; fixed once it was written.")

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        return checked_url(value)

    @field_validator("grpc_port")
    @classmethod
    def _within(cls, value: int, given: ValidationInfo) -> int:
        if not value and given.data.get("grpc") and given.data.get("port", 0) + 2000 > HIGHEST_PORT:
            raise ValueError(f"the service port plus 2000 is beyond {HIGHEST_PORT}: set another")
        return value

    @property
    def url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def grpc_listener(self) -> int:
        """The port."""
        return self.grpc_port or self.port + 2000

    @property
    def public_grpc(self) -> str:
        host = urlsplit(self.url).hostname or self.host
        return self.grpc_address or f"{f'[{host}]' if ':' in host else host}:{self.grpc_listener}"


S = TypeVar("S", bound=BaseSettings)


def checked_url(value: str) -> str:
    """Without a slash at its end; empty stays empty. Raises `ValueError`."""
    if value:
        TypeAdapter(HttpUrl).validate_python(value)
    return value.rstrip("/")


def checked(settings: type[S], **values: Any) -> S:
    """Builds settings; raises `ConfigError` that names every bad variable and says what it should hold."""
    try:
        return settings(**values)
    except ValidationError as error:
        prefix = str(settings.model_config.get("env_prefix", ""))
        problems = [
            f"{prefix}{'__'.join(str(part) for part in problem['loc'])}".upper() + f": {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("The settings do not fit; set these variables:\n  " + "\n  ".join(problems)) from None


def read_secret(path: Path) -> str:
    """A mounted secret. Raises `ConfigError` without its content."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"Cannot read the secret file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"The secret file {path} is not text in UTF-8") from None
    if not secret:
        raise ConfigError(f"The secret file {path} is empty")
    return secret
