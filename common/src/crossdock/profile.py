"""Where a running local system is, and with which clients it may be called: what `make run` and `make up` leave for the
CLI."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from crossdock.errors import ConfigError

FILE = "profile.json"


@dataclass(frozen=True)
class Access:
    """One customer's way in: its orchestrator, and the OAuth client of its callers."""

    url: str
    client_id: str
    secret_file: str


@dataclass(frozen=True)
class Profile:
    """`ca_file` is the certificate authority of its URLs, if not one that the machine knows."""

    issuer: str
    customers: dict[str, Access] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    ca_file: str = ""

    def write(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        (home / FILE).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def read(cls, home: Path) -> "Profile":
        """Raises `ConfigError` when there is none."""
        try:
            data = json.loads((home / FILE).read_text(encoding="utf-8"))
            customers = {name: Access(**access) for name, access in data["customers"].items()}
            return cls(data["issuer"], customers, data["agents"], data.get("ca_file", ""))
        except FileNotFoundError:
            raise ConfigError(
                f"There is no {home / FILE}. Start the local system with `make run`, or give --url and --token-file."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{home / FILE} cannot be read. Delete it and run `make run` again.") from error

    def access(self, customer: str) -> Access:
        if customer not in self.customers:
            raise ConfigError(f"There is no customer {customer!r} here; there are: {', '.join(self.customers)}.")
        return self.customers[customer]
