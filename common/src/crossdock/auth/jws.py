"""The JOSE work, on python-jose: reading a token's parts, checking and making signatures.

What a good signature's claims are worth is judged in `crossdock.auth.claims`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jws
from jose.exceptions import JOSEError
from jose.utils import base64url_encode

from crossdock.auth.refusals import TokenRefused

RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512"})
CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
HASHES = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}
ASYMMETRIC = RSA_ALGORITHMS | frozenset(CURVES.values())
"""All that may ever be allowed. HMAC is out: the key set is public, so anybody could sign with it."""

COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
RSA_BITS = range(2048, 8193)


def read_header(token: str) -> Mapping[str, Any]:
    """The JOSE header, unverified. Raises `TokenRefused` for anything but a JWS in compact form."""
    if not COMPACT.fullmatch(token):
        _malformed()
    try:
        header: Mapping[str, Any] = jws.get_unverified_header(token)
    except (JOSEError, RecursionError):
        _malformed()
    return header


def read_claims(token: str) -> Mapping[str, Any]:
    """The claims of a token whose signature was checked before."""
    try:
        claims = json.loads(jws.get_unverified_claims(token), parse_constant=_no_constant)
    except (JOSEError, ValueError, RecursionError):
        _malformed()
    if not isinstance(claims, dict):
        _malformed()
    return claims


def _no_constant(name: str) -> NoReturn:
    # JSON has no Infinity; an `exp` that never comes must not slip in through Python's extension.
    raise ValueError(name)


def _malformed() -> NoReturn:
    raise TokenRefused(
        "malformed", "The token is not a signed JWT. Send the issuer's access_token unchanged."
    ) from None


@dataclass(frozen=True)
class VerificationKey:
    """A public key; equal to another with the same `kid` and the same key material."""

    kid: str
    thumbprint: str
    _keys: Mapping[str, Any] = field(compare=False, repr=False)

    @classmethod
    def from_jwk(cls, entry: object) -> Self | None:
        """None for what must not verify a token: symmetric, private, for another use, weak, or broken."""
        if not isinstance(entry, dict) or not _is_for_signatures(entry):
            return None
        kid, algorithms = entry.get("kid"), _algorithms(entry)
        if not isinstance(kid, str) or not algorithms:
            return None
        public = _public_part(entry)
        try:
            keys = {algorithm: jwk.construct(public, algorithm) for algorithm in sorted(algorithms)}
        except (JOSEError, ValueError, TypeError, KeyError):
            return None
        if any(key.prepared_key.key_size not in RSA_BITS for key in keys.values() if public["kty"] == "RSA"):
            return None
        return cls(kid, thumbprint(public), keys)

    def verifies(self, token: str, algorithm: str) -> bool:
        """Whether `token` was signed with this key by `algorithm`, which the key must allow."""
        key = self._keys.get(algorithm)
        if key is None:
            return False
        try:
            jws.verify(token, key, [algorithm])
        except JOSEError:
            return False
        return True


def _is_for_signatures(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return (
        entry.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        # A private key in a public set is everybody's: whatever it signed proves nothing.
        and "d" not in entry
    )


def _algorithms(entry: Mapping[str, Any]) -> frozenset[str]:
    """The algorithms that a JWK may verify: its own `alg`, or all that fit its type."""
    fitting: frozenset[str] = frozenset()
    if entry.get("kty") == "RSA":
        fitting = RSA_ALGORITHMS
    elif entry.get("kty") == "EC" and isinstance(entry.get("crv"), str) and entry["crv"] in CURVES:
        fitting = frozenset({CURVES[entry["crv"]]})
    alg = entry.get("alg")
    return fitting if alg is None else fitting & {str(alg)}


def _public_part(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("e", "kty", "n") if entry["kty"] == "RSA" else ("crv", "kty", "x", "y")
    return {name: entry.get(name) for name in names}


def thumbprint(public: Mapping[str, Any]) -> str:
    """RFC 7638, of a JWK that holds its required members only."""
    canonical = json.dumps(public, sort_keys=True, separators=(",", ":")).encode()
    return str(base64url_encode(hashlib.sha256(canonical).digest()).decode())


@dataclass(frozen=True)
class SigningKey:
    """A private key; its `kid` is its thumbprint, so it survives restarts."""

    algorithm: str
    pem: str = field(repr=False)

    @classmethod
    def generate(cls, algorithm: str = "RS256") -> Self:
        """RS256 with 2048 bits (tens of milliseconds: call it in a thread) or ES256."""
        private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        if algorithm == "RS256":
            private = rsa.generate_private_key(65537, 2048)
        else:
            private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(algorithm, pem.decode())

    @cached_property
    def kid(self) -> str:
        return thumbprint(_public_part(self._public()))

    @cached_property
    def _private(self) -> Any:
        return jwk.construct(self.pem, self.algorithm)

    def _public(self) -> dict[str, Any]:
        entry: dict[str, Any] = self._private.public_key().to_dict()
        return entry

    def jwk(self) -> dict[str, Any]:
        """The public half, as a key set publishes it."""
        return {**self._public(), "kid": self.kid, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """A compact JWS over `claims`; `header` replaces or adds header fields."""
        fields = {"kid": self.kid, **(header or {})}
        return str(jws.sign(dict(claims), self._private, headers=fields, algorithm=self.algorithm))

    def sign_detached(self, content: bytes, header: Mapping[str, Any]) -> str:
        """A compact JWS over `content` with that left out (RFC 7515, appendix F): `header..signature`."""
        whole = str(jws.sign(content, self._private, headers={"kid": self.kid, **header}, algorithm=self.algorithm))
        protected, _, signature = whole.split(".")
        return f"{protected}..{signature}"

    def sign_same(self, content: bytes, header: Mapping[str, Any]) -> str:
        """As `sign_detached`, but equal at each call: what replicas sign must not differ by chance (RFC 6979)."""
        fields = {"alg": self.algorithm, "kid": self.kid, **header}
        protected = base64url_encode(json.dumps(fields, separators=(",", ":")).encode())
        signed = protected + b"." + base64url_encode(content)
        return b"..".join((protected, base64url_encode(self._signature(signed)))).decode()

    def _signature(self, content: bytes) -> bytes:
        key = self._private.prepared_key
        if isinstance(key, rsa.RSAPrivateKey):
            return bytes(self._private.sign(content))
        digest = HASHES[self.algorithm]
        numbers = decode_dss_signature(key.sign(content, ec.ECDSA(digest, deterministic_signing=True)))
        size = (key.curve.key_size + 7) // 8
        return b"".join(number.to_bytes(size, "big") for number in numbers)
