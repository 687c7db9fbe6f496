"""When the local authority signs anew, and what clients think of its certificates."""

import datetime
import ssl
from pathlib import Path

import pytest

from installer.authority import Authority

NAMES = {"localhost", "127.0.0.1", "*.grpc.localhost"}
NOW = datetime.datetime.now(datetime.UTC)


def authority(folder: Path, days: int = 0) -> Authority:
    return Authority(folder / "ca", folder / "tls", NOW + datetime.timedelta(days=days))


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in [*(folder / "ca").iterdir(), *(folder / "tls").iterdir()]}


@pytest.mark.parametrize(
    ("days", "changed"),
    [
        (0, set()),
        (360, set()),
        (370, {"gateway.crt"}),
        (3260, {"gateway.crt", "ca.crt"}),
    ],
)
def test_only_what_nears_its_end_is_renewed(days: int, changed: set[str], tmp_path: Path) -> None:
    assert authority(tmp_path).prepare(NAMES)
    before = content(tmp_path)
    assert authority(tmp_path, days).prepare(NAMES) is bool(changed)
    after = content(tmp_path)
    assert {name for name in before if before[name] != after[name]} == changed


def test_other_names_and_a_broken_certificate(tmp_path: Path) -> None:
    authority(tmp_path).prepare(NAMES)
    assert authority(tmp_path).prepare(NAMES | {"other"})
    (tmp_path / "tls" / "gateway.crt").chmod(0o600)
    (tmp_path / "tls" / "gateway.crt").write_text("half of it")
    assert authority(tmp_path).prepare(NAMES)
    assert not authority(tmp_path).prepare(NAMES)


@pytest.mark.parametrize(
    ("host", "trusted"),
    [("localhost", True), ("127.0.0.1", True), ("acme.grpc.localhost", True), ("acme.localhost", False)],
)
def test_a_handshake(host: str, trusted: bool, tmp_path: Path) -> None:
    authority(tmp_path).prepare(NAMES)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "tls" / "gateway.crt", tmp_path / "tls" / "gateway.key")
    client = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert _shaken(server, client, host) is trusted


def _shaken(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bool:
    """In memory, without a socket."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=host),
    ]
    done: set[int] = set()
    for _ in range(20):
        for number, end in enumerate(ends):
            try:
                end.do_handshake()
                done.add(number)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
        if len(done) == 2:
            return True
    raise AssertionError("no end of it")
