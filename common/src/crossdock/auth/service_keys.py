"""The keys with which a service signs what it sends: one that signs, and others that are published besides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from crossdock.auth.jws import CURVES, RSA_BITS, SigningKey
from crossdock.errors import ConfigError

log = structlog.get_logger(__name__)
JWKS_PATH = "/.well-known/jwks.json"
PEM = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


@dataclass(frozen=True)
class ServiceKeys:
    """`lasting` keys outlive the process, and are other replicas' too."""

    signing: SigningKey
    others: tuple[SigningKey, ...] = ()
    lasting: bool = False

    @classmethod
    def made(cls) -> Self:
        """A key for this process alone."""
        log.info("signing_key_made", until="this process ends", instead="CROSSDOCK_SIGNING_KEY_FILE")
        return cls(SigningKey.generate("ES256"))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Private keys in PEM, the one that signs first. Raises `ConfigError`, which holds nothing of them."""
        try:
            found = [match[0] for match in PEM.finditer(path.read_text(encoding="ascii"))]
            keys = [SigningKey(_algorithm(pem), pem) for pem in found]
        except OSError as error:
            raise ConfigError(f"Cannot read the key file {path}: {error.strerror}") from None
        except (ValueError, TypeError):
            keys = []
        if not keys:
            raise ConfigError(
                f"The key file {path} must hold private keys in PEM without a password: EC (P-256, P-384, P-521) or "
                "RSA (from 2048 bits). Make one by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
            )
        return cls(keys[0], tuple(keys[1:]), lasting=True)

    def jwks(self) -> Mapping[str, Any]:
        return {"keys": [key.jwk() for key in (self.signing, *self.others)]}


def _algorithm(pem: str) -> str:
    key = load_pem_private_key(pem.encode(), None)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size in RSA_BITS:
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in NAMES:
        return CURVES[NAMES[key.curve.name]]
    raise ValueError("not a key that signs")
