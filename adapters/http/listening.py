"""Where the server listens: the socket, and what has to be right before there is one."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl

from adapters.settings import HttpSettings
from core.domain.errors import SettingsError

BACKLOG = 2048


def listen(http: HttpSettings) -> socket.socket:
    """A listening socket: connections queue in it from now on, even while the rest is being made.

    Raises ``SettingsError``, one sentence, if there cannot be one or should not be one.
    """
    try:
        found = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SettingsError(f"cannot listen on {http.host}: no such address ({error.strerror})") from None
    family, kind, protocol, _, address = found
    _refuse_open(http, str(address[0]))
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(_refusal(http.host, http.port, error)) from None
    return listener


def _refuse_open(http: HttpSettings, address: str) -> None:
    """Whoever reaches the API can draw and change options: beyond this machine that takes a decision."""
    local = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    if not (local or http.guarded or http.allow_open):
        raise SettingsError(
            f"{http.host} can be reached from other machines and nobody would need a password; "
            "set http.users or http.api_keys, or http.allow_open if that is meant"
        )


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; choose another one with --port"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this program has; choose one above 1023 with --port"
    return f"cannot listen on {host}, port {port}: {error.strerror}"


def check_tls(http: HttpSettings) -> None:
    """Raises ``SettingsError`` if the certificate or its key cannot be used."""
    if http.tls_cert is None and http.tls_key is None:
        return
    if http.tls_cert is None or http.tls_key is None:
        raise SettingsError("http.tls_cert and http.tls_key go together; one of them is missing")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(http.tls_cert, http.tls_key)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise SettingsError(f"cannot use http.tls_cert {http.tls_cert} with its key: {reason}") from None


def url_of(listener: socket.socket, http: HttpSettings) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "http" if http.tls_cert is None else "https"
    name = f"[{host}]" if listener.family == socket.AF_INET6 else host
    path = http.subpath.strip("/")
    return f"{scheme}://{name}:{port}" + (f"/{path}" if path else "")
