"""Files given by URL (section 14.1): fetched only from addresses that a stranger may point us at."""

import asyncio
import ipaddress
import socket
from dataclasses import replace

import httpx

from crossdock.errors import Rejected
from crossdock.pipeline import FilePart

MAX_PORT = 65_535
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Translated addresses (RFC 6052) hold an IPv4 address at their end."""
RESERVED = [ipaddress.ip_network(network) for network in ("192.0.0.0/24", "::/96", "64:ff9b:1::/48", "fec0::/10")]
"""Not on the open Internet, although `ipaddress` takes them for global: protocol assignments, and for IPv6 those that
hold some IPv4 address, local translation and the former site-local ones."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Dials the very address that it checked, so that a second DNS answer changes nothing."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._inner = httpx.AsyncHTTPTransport(retries=0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = await self._address(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.url = request.url.copy_with(host=address)
        request.extensions = {**request.extensions, "sni_hostname": host}
        return await self._inner.handle_async_request(request)

    async def _address(self, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Rejected(f"The file's host {host[:80]!r} has no address. Check the URL.") from None
        addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
        if not self._allow_private and not all(map(is_public, addresses)):
            raise Rejected("The file's URL points into a private network. Send the file inline instead.")
        return str(addresses[0])

    async def aclose(self) -> None:
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


def _url(text: str) -> httpx.URL:
    """The URL, if it is one that can be dialled; deeper down, each kind of nonsense has an error of its own."""
    if not text.lower().startswith(("https://", "http://")):
        raise Rejected("A file's URL must begin with https:// or http://.")
    try:
        url = httpx.URL(text)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        raise Rejected(
            "The file's URL is not one that can be followed. Check its host: each name between dots has 1 to 63 "
            "characters."
        ) from None
    if url.port is not None and not 0 < url.port <= MAX_PORT:
        raise Rejected(f"The port in the file's URL must be from 1 to {MAX_PORT}.")
    return url


class FileFetcher:
    """Downloads at most `limit` bytes within `seconds`; redirects are not followed."""

    def __init__(self, *, limit: int, allow_private: bool = False, seconds: float = 30.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._http = httpx.AsyncClient(
            transport=GuardedTransport(allow_private=allow_private), timeout=10.0, follow_redirects=False
        )

    async def fetch(self, file: FilePart) -> FilePart:
        """The file with its content. Raises `Rejected` with what to change."""
        url = _url(file.url)
        try:
            async with asyncio.timeout(self._seconds), self._http.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise Rejected(
                        f"The file's server answered {response.status_code}. Send a direct link to the file."
                    )
                content = await self._read(response)
        except (httpx.HTTPError, TimeoutError):
            raise Rejected(
                f"The file {file.name!r} could not be downloaded. Check its URL or send it inline."
            ) from None
        return replace(file, content=content, url="")

    async def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._limit:
                raise Rejected(f"The file is larger than {self._limit // 1024} KiB. Send a smaller one.")
        return bytes(content)

    async def close(self) -> None:
        await self._http.aclose()
