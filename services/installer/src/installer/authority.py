"""The place's own certificate authority, and the gateway's certificate from it."""

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from crossdock.auth.private_file import make_private_folder
from crossdock.errors import ConfigError
from installer.vault import READABLE, private_key, write_if_other

CA_DAYS = 3650
DAYS = 397
"""The longest that browsers and mobile systems accept for a server's certificate."""
RENEW_DAYS = 30
SKEW = datetime.timedelta(hours=1)


class Authority:
    """`own` is a folder that nobody else sees, with the CA's key; `public` is mounted into the gateway."""

    def __init__(self, own: Path, public: Path, now: datetime.datetime | None = None) -> None:
        self._key_file = own / "ca.key"
        self._folder = public
        self._now = now or datetime.datetime.now(datetime.UTC)

    @property
    def certificate_file(self) -> Path:
        return self._folder / "ca.crt"

    def prepare(self, names: Iterable[str]) -> bool:
        """A certificate for `names`; whether it is a new one."""
        make_private_folder(self._key_file.parent)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o755)
        authority = self._authority()
        key_file, certificate_file = self._folder / "gateway.key", self._folder / "gateway.crt"
        key = _kept_key(key_file, READABLE)
        if self._serves(certificate_file, authority, key, set(names)):
            return False
        issued = self._issued(authority, key, sorted(set(names)))
        return write_if_other(certificate_file, issued.public_bytes(Encoding.PEM).decode(), READABLE)

    def _authority(self) -> x509.Certificate:
        key = _kept_key(self._key_file, 0o600)
        kept = _certificate(self.certificate_file)
        if kept and kept.public_key() == key.public_key() and kept.not_valid_after_utc > self._now + _days(DAYS):
            return kept
        made = self._signed_by_itself(key)
        write_if_other(self.certificate_file, made.public_bytes(Encoding.PEM).decode(), READABLE)
        return made

    def _signed_by_itself(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Crossdock local CA")])
        usage = _usage(key_cert_sign=True, crl_sign=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return (
            self._builder(name, name, key.public_key(), CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )

    def _issued(
        self, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, names: list[str]
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Crossdock gateway")])
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        ca_key = _kept_key(self._key_file, 0o600)
        origin = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        return (
            self._builder(subject, authority.subject, key.public_key(), DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(server, critical=False)
            .add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), critical=False)
            .add_extension(origin, critical=False)
            .sign(ca_key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - SKEW)
            .not_valid_after(self._now + _days(days))
        )

    def _serves(
        self, path: Path, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, names: set[str]
    ) -> bool:
        kept = _certificate(path)
        if (
            kept is None
            or kept.public_key() != key.public_key()
            or kept.not_valid_after_utc < self._now + _days(RENEW_DAYS)
        ):
            return False
        alternatives = kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return _signed_by(kept, authority) and {str(found.value) for found in alternatives} == names


def _certificate(path: Path) -> x509.Certificate | None:
    """None where there is none, or none that can be read: it is made anew."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _kept_key(path: Path, mode: int) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        write_if_other(path, private_key(), mode)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{path} holds no private key that the installer made. Delete it, and another is made.")
    return key


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _days(count: int) -> datetime.timedelta:
    return datetime.timedelta(days=count)


def _usage(**used: bool) -> x509.KeyUsage:
    unused = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    return x509.KeyUsage(**(unused | used))
