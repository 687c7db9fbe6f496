"""The clients that the development issuer knows: their file, and one that is made for a set of customers."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, model_validator

from crossdock.auth.claims import CUSTOMER
from crossdock.auth.clients import ClientRights, customer_clients
from crossdock.auth.private_file import keep_private, make_private_folder, write_private
from crossdock.errors import ConfigError

CLIENTS_FILE = "clients.json"


class DevClient(BaseModel):
    """One client and what its tokens say. The secret stands here or, read anew each time, in `secret_file`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    customer: str = Field(pattern=f"^{CUSTOMER.pattern}$")
    audience: tuple[str, ...] = Field(min_length=1)
    roles: tuple[str, ...] = ()
    secret: SecretStr | None = Field(default=None, min_length=8)
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError("give either secret or secret_file")
        return self

    def current_secret(self) -> str:
        """Empty if the secret file is missing; nobody can authenticate with an empty secret."""
        if self.secret is not None:
            return self.secret.get_secret_value()
        try:
            return self.secret_file.read_text(encoding="utf-8").strip() if self.secret_file else ""
        except (OSError, ValueError):
            return ""


CLIENTS = TypeAdapter(tuple[DevClient, ...])


def read_clients(path: Path) -> tuple[DevClient, ...]:
    """A YAML or JSON file with a list of clients, or an object with `clients`. Secret files are relative to it.

    Raises `ConfigError` with all problems, one per line.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The client file {path} cannot be read: {error.strerror}.") from None
    except (ValueError, yaml.YAMLError):
        raise ConfigError(f"The client file {path} is neither YAML nor JSON.") from None
    clients = parse_clients(content.get("clients") if isinstance(content, dict) else content, str(path))
    return tuple(
        client.model_copy(update={"secret_file": client.secret_file and path.parent / client.secret_file})
        for client in clients
    )


def parse_clients(content: object, source: str) -> tuple[DevClient, ...]:
    """Raises `ConfigError` that names `source` and all problems, one per line, and no secret."""
    try:
        clients = CLIENTS.validate_python(content)
    except ValidationError as error:
        problems = [
            f"  {'.'.join(str(part) for part in problem['loc']) or 'the whole'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("\n".join([f"The clients in {source} do not fit:", *problems])) from None
    ids = [client.client_id for client in clients]
    doubled = sorted({client_id for client_id in ids if ids.count(client_id) > 1})
    if doubled:
        raise ConfigError(f"The clients in {source} do not fit: {', '.join(doubled)} stands there more than once.")
    return clients


def provision(folder: Path, customers: Iterable[str], agents: Mapping[str, Sequence[str]]) -> Path:
    """Makes two clients for each customer, `<customer>-caller` and `<customer>-orchestrator`; returns the client file.

    `agents` are the shared agents' ids with their skill ids; the card of agent `x` is named `x-agent`. The secret of a
    client stands in `secrets/<client_id>` below `folder` and is kept where there is one already.
    """
    make_private_folder(folder)
    make_private_folder(folder / "secrets")
    clients = [_client(rights) for customer in customers for rights in customer_clients(customer, agents)]
    parse_clients(clients, "the customers given")
    for client in clients:
        keep_private(folder / client["secret_file"], lambda: secrets.token_urlsafe(32) + "\n")
    path = folder / CLIENTS_FILE
    write_private(path, json.dumps({"clients": clients}, indent=2) + "\n")
    return path


def _client(rights: ClientRights) -> dict[str, Any]:
    return {**asdict(rights), "secret_file": f"secrets/{rights.client_id}"}
