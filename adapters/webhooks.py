"""Tells a URL that a job has ended: hosts on a list only, signed, to one pinned address, no redirects."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from urllib.parse import SplitResult

from adapters.network import PinnedConnection, Resolve, port_of, resolve_all, split_url
from adapters.version import VERSION
from core.domain.errors import SettingsError
from core.domain.job import Delivery

log = logging.getLogger("serena.webhooks")

SECONDS = 10.0
DELIVERY = "X-Serena-Delivery"
TIMESTAMP = "X-Serena-Timestamp"
SIGNATURE = "X-Serena-Signature"


class SignedWebhooks:
    """``Webhooks`` over HTTP. Without hosts nothing is allowed.

    A host that is listed may be anywhere, also within this network: the list is the operator's word.

    :param hosts: ``name`` for the usual ports, or ``name:port``. Raises ``SettingsError`` for one that is no
        host, or if there is no secret to sign with.
    :param clock: seconds since 1970, for the signature.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        secret: str | None,
        *,
        resolve: Resolve = resolve_all,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if hosts and not secret:
            raise SettingsError(
                "jobs.webhook_hosts needs jobs.webhook_secret, which webhooks are signed with"
            )
        self._hosts = frozenset(map(_listed, hosts))
        self._secret = (secret or "").encode()
        self._resolve = resolve
        self._seconds = seconds
        self._clock = clock

    def allowed(self, url: str) -> bool:
        try:
            return self._is_listed(split_url(url))
        except ValueError:
            return False

    def deliver(self, delivery: Delivery, body: bytes) -> bool:
        try:
            parts = split_url(delivery.url)
            # The list may have become shorter since the job was accepted.
            status = self._post(parts, delivery, body) if self._is_listed(parts) else 0
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.warning("webhook %s could not be delivered: %s", delivery.id, error)
            return False
        taken = 200 <= status < 300
        if not taken:
            log.warning("webhook %s was not taken: %s", delivery.id, status or "its host is not listed")
        return taken

    def _is_listed(self, parts: SplitResult) -> bool:
        name, port = (parts.hostname or "").rstrip("."), port_of(parts)
        usual = port == (443 if parts.scheme == "https" else 80)
        return (name, port) in self._hosts or (usual and (name, None) in self._hosts)

    def _post(self, parts: SplitResult, delivery: Delivery, body: bytes) -> int:
        deadline = time.monotonic() + self._seconds
        addresses = self._resolve(parts.hostname or "", port_of(parts))
        if not addresses:
            raise OSError("the host has no address")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with closing(PinnedConnection(parts, addresses[0], deadline)) as connection:
            connection.request("POST", target, body, self._headers(parts, delivery, body))
            with closing(connection.getresponse()) as response:
                return response.status

    def _headers(self, parts: SplitResult, delivery: Delivery, body: bytes) -> dict[str, str]:
        now = str(int(self._clock()))
        return {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "User-Agent": f"Serena/{VERSION}",
            "Connection": "close",
            DELIVERY: delivery.id,
            TIMESTAMP: now,
            SIGNATURE: signature(self._secret, now, body),
        }


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Over the time as well, so that a receiver can refuse what somebody sends once more much later."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _listed(host: str) -> tuple[str, int | None]:
    """Raises ``SettingsError``."""
    try:
        parts = split_url(f"http://{host.strip()}")
        if parts.path or parts.query or parts.fragment or not parts.hostname:
            raise ValueError(host)
    except ValueError:
        raise SettingsError(
            f"jobs.webhook_hosts: {host!r} is no host; write name or name:port, without http://"
        ) from None
    return parts.hostname.rstrip("."), parts.port
