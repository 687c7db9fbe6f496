"""A cluster from the outside: one domain, with a host for each release and one for the realm."""

from dataclasses import dataclass
from pathlib import Path

from crossdock.errors import ConfigError
from installer import realm
from installer.public import HOST_NAME, access_token

HTTPS = 443
HIGHEST = 65535


@dataclass(frozen=True)
class Domain:
    name: str
    port: int = HTTPS

    @classmethod
    def parsed(cls, text: str) -> "Domain":
        """Of `host` or `host:port`. Raises `ConfigError`."""
        name, _, port = text.partition(":")
        if not HOST_NAME.fullmatch(name) or (port and not (port.isdecimal() and 0 < int(port) <= HIGHEST)):
            raise ConfigError(f"{text!a:.80} is no domain. Give DOMAIN one such as crossdock.localhost.")
        return cls(name, int(port or HTTPS))

    def __str__(self) -> str:
        return self.name if self.port == HTTPS else f"{self.name}:{self.port}"

    @property
    def realm_host(self) -> str:
        """The URL of Keycloak."""
        return f"https://auth.{self}"

    @property
    def issuer(self) -> str:
        return f"{self.realm_host}/realms/{realm.NAME}"

    @property
    def certificate_names(self) -> set[str]:
        return {self.name, f"*.{self.name}", f"*.grpc.{self.name}"}

    async def token(self, authority: Path, client_id: str, secret: str) -> str:
        """As `Origin.token`."""
        remedy = (
            "Does its host lead to the ingress controller, and is Keycloak up? kubectl get pods -n crossdock-identity"
        )
        return await access_token(self.issuer, authority, client_id, secret, remedy)


DEFAULT = Domain("crossdock.localhost")
