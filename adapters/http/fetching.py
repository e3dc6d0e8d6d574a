"""Fetch pictures by URL, where the options allow it, without becoming a door into the network behind."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from adapters.http.errors import PictureRefusedError
from core.ports.driving import EditOptions

REDIRECTS = 3
CHUNK = 64 * 1024

NOT_ALLOWED = "Requests not allowed"
LOCAL = "Request to local resource not allowed"
INVALID = "Invalid image url"

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host, as texts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may take, all redirects together."""

    seconds: float = 10.0
    largest: int = 10 * 1024 * 1024


_EMBEDS_IPV4 = ipaddress.ip_network("64:ff9b::/96")


def resolve_all(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def is_public(address: str) -> bool:
    """Whether an address belongs to the public network; one that wraps an IPv4 address is judged by that."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _EMBEDS_IPV4:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


class Fetcher:
    """Gets pictures. Follows ``api_enable_requests``, ``api_forbid_local_requests`` and ``api_useragent``."""

    def __init__(
        self,
        options: EditOptions,
        resolve: Resolve = resolve_all,
        public: Callable[[str], bool] = is_public,
        limits: Limits = Limits(),
    ) -> None:
        self._options = options
        self._resolve = resolve
        self._public = public
        self._limits = limits

    def fetch(self, url: str) -> bytes:
        """The bytes behind ``url``. Raises ``PictureRefusedError`` with the reference's text."""
        options = self._options.get()
        if not options["api_enable_requests"]:
            raise PictureRefusedError(NOT_ALLOWED)
        deadline = time.monotonic() + self._limits.seconds
        headers = {"User-Agent": str(options["api_useragent"])} if options["api_useragent"] else {}
        for _ in range(REDIRECTS + 1):
            parts = _checked(url)
            address = self._address(parts, bool(options["api_forbid_local_requests"]))
            try:
                found = _get(parts, address, headers, deadline, self._limits.largest)
            except (OSError, http.client.HTTPException, ValueError):
                raise PictureRefusedError(INVALID) from None
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found.target)
        raise PictureRefusedError(INVALID)

    def _address(self, parts: SplitResult, public_only: bool) -> str:
        """One address, chosen once: the connection goes to it, whatever the name means a moment later."""
        try:
            addresses = self._resolve(parts.hostname or "", _port(parts))
        except (OSError, UnicodeError):
            raise PictureRefusedError(LOCAL if public_only else INVALID) from None
        if not addresses or (public_only and not all(map(self._public, addresses))):
            raise PictureRefusedError(LOCAL)
        return addresses[0]


def _checked(url: str) -> SplitResult:
    """Refuses what different programs read in different ways."""
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError:
        raise PictureRefusedError(INVALID) from None
    odd = any(sign in url for sign in "\\\r\n\t ") or "@" in parts.netloc or not url.isascii()
    if odd or parts.scheme not in ("http", "https") or not parts.hostname:
        raise PictureRefusedError(INVALID)
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


class _Redirect:
    def __init__(self, target: str) -> None:
        self.target = target


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was chosen before, in the name of the host."""

    def __init__(self, parts: SplitResult, address: str, timeout: float) -> None:
        super().__init__(parts.hostname or "", _port(parts), timeout=timeout)
        self._address = address
        self._secure = parts.scheme == "https"

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _get(
    parts: SplitResult, address: str, headers: dict[str, str], deadline: float, largest: int
) -> bytes | _Redirect:
    connection = _Pinned(parts, address, _left(deadline))
    with closing(connection):
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Host": parts.netloc, **headers})
        with closing(connection.getresponse()) as response:
            if response.status in (301, 302, 303, 307, 308):
                return _Redirect(response.getheader("Location") or "")
            if response.status != 200:
                raise ValueError("no picture there")
            return _read(response, deadline, largest)


def _read(response: http.client.HTTPResponse, deadline: float, largest: int) -> bytes:
    data = bytearray()
    while chunk := response.read1(CHUNK):
        data += chunk
        if len(data) > largest:
            raise ValueError("too large")
        _left(deadline)
    return bytes(data)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
