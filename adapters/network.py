"""Connections to hosts that somebody else named: to one address, chosen once, in the name of the host."""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host, as texts."""


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


def split_url(url: str) -> SplitResult:
    """Refuses, with ``ValueError``, what different programs read in different ways."""
    parts = urlsplit(url)
    port_of(parts)
    odd = any(sign in url for sign in "\\\r\n\t ") or "@" in parts.netloc or not url.isascii()
    if odd or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not a plain http or https URL")
    return parts


def port_of(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


class PinnedConnection(http.client.HTTPConnection):
    """A connection to an address that was chosen before, in the name of the host.

    A timeout of a socket counts from each byte that comes; the deadline does not move.
    """

    def __init__(self, parts: SplitResult, address: str, deadline: float) -> None:
        super().__init__(parts.hostname or "", port_of(parts))
        self._address = address
        self._deadline = deadline
        self._secure = parts.scheme == "https"

    def connect(self) -> None:
        connected = socket.create_connection((self._address, self.port), _left(self._deadline))
        try:
            if self._secure:
                connected.settimeout(_left(self._deadline))
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=self.host)
        except BaseException:
            connected.close()
            raise
        self.sock = _Deadlined(connected, self._deadline)


class _Reading(io.RawIOBase):
    """What a socket receives until a deadline, however little comes at a time."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        # Holds the socket open until it is closed itself: http.client closes the connection before it reads.
        self._raw = connected.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connected.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Deadlined:
    """As much of a socket as ``http.client`` uses, with one deadline for all that it does."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(_left(self._deadline))
        self._connected.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._connected, self._deadline))

    def close(self) -> None:
        self._connected.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
