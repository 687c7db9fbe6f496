"""Which addresses a stranger may point us at."""

import ipaddress
import socket

import httpx
import pytest

from crossdock.errors import Rejected
from crossdock.pipeline import FilePart
from crossdock.server.dialling import AddressGuard, is_public
from crossdock.server.fetching import FileFetcher

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1"),
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo; the client's address, bits inverted, is 127.0.0.1
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8"]
PUBLIC += ["64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "0x7f.0.0.1", "2130706433"])
async def test_a_name_is_judged_by_its_address(host: str) -> None:
    with pytest.raises(Rejected, match="private network"):
        await AddressGuard("file").address(httpx.URL(scheme="http", host=host))


async def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Rejected, match="private network"):
        await AddressGuard("file").address(httpx.URL("http://two.example"))
    assert await AddressGuard("file", allow_private=True).address(httpx.URL("http://two.example")) == "8.8.8.8"


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Rejected, match=r"'nowhere\.example' has no address"):
        await AddressGuard("file").address(httpx.URL("http://nowhere.example"))


NO_HOSTS = [f"{'a' * 64}.example", "a..b", "...", "xn--a", "[::1", "x\x00y", "127.0.0.1:0", "127.0.0.1:99999", "\ud800"]


@pytest.mark.parametrize("host", NO_HOSTS)
async def test_a_host_that_cannot_be_is_named_as_what_to_change(host: str) -> None:
    fetcher = FileFetcher(limit=10)
    with pytest.raises(Rejected, match=r"Check its host|The port in the file's URL"):
        await fetcher.fetch(FilePart("a.csv", "text/csv", url=f"http://{host}/a.csv"))
    await fetcher.close()
