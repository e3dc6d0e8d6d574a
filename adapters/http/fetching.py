"""Fetch pictures by URL, where the options allow it, without becoming a door into the network behind."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin

from adapters.http.errors import PictureRefusedError
from adapters.network import PinnedConnection, Resolve, is_public, port_of, resolve_all, split_url
from core.ports.driving import EditOptions

REDIRECTS = 3
CHUNK = 64 * 1024

NOT_ALLOWED = "Requests not allowed"
LOCAL = "Request to local resource not allowed"
INVALID = "Invalid image url"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may take, all redirects together."""

    seconds: float = 10.0
    largest: int = 10 * 1024 * 1024


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
            addresses = self._resolve(parts.hostname or "", port_of(parts))
        except (OSError, UnicodeError):
            raise PictureRefusedError(LOCAL if public_only else INVALID) from None
        if not addresses or (public_only and not all(map(self._public, addresses))):
            raise PictureRefusedError(LOCAL)
        return addresses[0]


class _Redirect:
    def __init__(self, target: str) -> None:
        self.target = target


def _checked(url: str) -> SplitResult:
    try:
        return split_url(url)
    except ValueError:
        raise PictureRefusedError(INVALID) from None


def _get(
    parts: SplitResult, address: str, headers: dict[str, str], deadline: float, largest: int
) -> bytes | _Redirect:
    connection = PinnedConnection(parts, address, deadline)
    with closing(connection):
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Host": parts.netloc, **headers})
        with closing(connection.getresponse()) as response:
            if response.status in (301, 302, 303, 307, 308):
                return _Redirect(response.getheader("Location") or "")
            if response.status != 200:
                raise ValueError("no picture there")
            return _read(response, largest)


def _read(response: http.client.HTTPResponse, largest: int) -> bytes:
    data = bytearray()
    while chunk := response.read1(CHUNK):
        data += chunk
        if len(data) > largest:
            raise ValueError("too large")
    return bytes(data)
