"""Which addresses a stranger may point us at, and a transport that dials no other (section 13.2)."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx

from crossdock.errors import Rejected

MAX_PORT = 65_535
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Translated addresses (RFC 6052) hold an IPv4 address at their end."""
RESERVED = [ipaddress.ip_network(network) for network in ("192.0.0.0/24", "::/96", "64:ff9b:1::/48", "fec0::/10")]
"""Not on the open Internet, although `ipaddress` takes them for global: protocol assignments, and for IPv6 those that
hold some IPv4 address, local translation and the former site-local ones."""
RESOLVERS = 64
"""Names that are looked up at a time. The loop's own threads are few, and a slow name server must not hold them all."""


class AddressGuard:
    """Judges the URLs of one kind of `thing` ("file"); `instead` tells who may not go there what to do."""

    def __init__(self, thing: str, *, instead: str = "", allow_private: bool = False, allow_http: bool = False) -> None:
        self._thing = thing
        self._instead = instead
        self.allow_private = allow_private
        self._schemes = ("https://", "http://") if allow_http else ("https://",)
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")

    def url(self, text: str) -> httpx.URL:
        """The URL, if it can be dialled; deeper down, each kind of nonsense has an error of its own.

        Raises `Rejected`.
        """
        if not text.lower().startswith(self._schemes):
            raise Rejected(f"A {self._thing}'s URL must begin with {' or '.join(self._schemes)}.")
        try:
            url = httpx.URL(text)
            url.host.encode("idna")
        except (httpx.InvalidURL, UnicodeError):
            raise Rejected(
                f"The {self._thing}'s URL is not one that can be followed. Check its host: each name between dots has "
                "1 to 63 characters."
            ) from None
        if url.port is not None and not 0 < url.port <= MAX_PORT:
            raise Rejected(f"The port in the {self._thing}'s URL must be from 1 to {MAX_PORT}.")
        return url

    async def address(self, url: httpx.URL) -> str:
        """The address to dial for the URL. Raises `Rejected` if any of its host's addresses is not for strangers."""
        host, port = url.host, url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._resolvers, _resolved, host, port)
        except (OSError, UnicodeError):
            raise Rejected(f"The {self._thing}'s host {host[:80]!r} has no address. Check the URL.") from None
        addresses = [ipaddress.ip_address(text.split("%")[0]) for text in found]
        if not self.allow_private and not all(map(is_public, addresses)):
            raise Rejected(f"The {self._thing}'s URL points into a private network.{self._instead}")
        return str(addresses[0])

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)


def _resolved(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class GuardedTransport(httpx.AsyncBaseTransport):
    """Dials the very address that was checked, so that a second DNS answer changes nothing."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        # No connection is used twice: the pool tells them apart by address only, not by the name that TLS has checked.
        self._inner = httpx.AsyncHTTPTransport(retries=0, limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        request.url = request.url.copy_with(host=await self._guard.address(request.url))
        request.extensions = {**request.extensions, "sni_hostname": host}
        response = await self._inner.handle_async_request(request)
        response.headers.pop("set-cookie", None)  # one customer's cookies must not travel with another's request
        return response

    async def aclose(self) -> None:
        self._guard.close()
        await self._inner.aclose()


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is on the open Internet; IPv4 in IPv6 counts as the IPv4 that it holds."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1]) or _nat64(address)
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not any(address in network for network in RESERVED)


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
