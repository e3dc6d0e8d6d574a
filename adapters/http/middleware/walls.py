"""What keeps pages of other sites, opened in a browser on this network, away from the API."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http.errors import ErrorReply

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
FORMS = ("/login", "/v1/images/edits", "/v1/images/variations")
"""Paths that take a form: the web UI's, and those whose clients send files. Browsers name the origin of every
form that another site sends, so the first check has refused those."""


def _reply(status: int, error: str, text: str) -> ErrorReply:
    return ErrorReply(status, error, text, text)


class HostWall:
    """Answers only requests that are addressed to this server, so that a foreign name which is made to
    resolve to this machine (DNS rebinding) gets nothing. An IP address cannot be such a name."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host") if scope["type"] != "lifespan" else None
        if host is None or self._is_ours(host_name(host)):
            await self._app(scope, receive, send)
            return
        text = f"this server is not called {host_name(host)[:100]!r}; list its names in http.allowed_hosts"
        await _reply(421, "UnknownHost", text).response(scope)(scope, receive, send)

    def _is_ours(self, name: str) -> bool:
        return "*" in self._names or name in self._names or name.endswith(".localhost") or _is_address(name)


def host_name(host: str) -> str:
    """The name in a ``Host`` header, without the port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class OriginWall:
    """Refuses what changes something when a page of another site asks for it. Programs send no ``Origin``."""

    def __init__(self, app: ASGIApp, allowed: Callable[[str], bool]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            refusal = self._foreign(headers) or _no_json(headers, scope["path"])
        await (self._app if refusal is None else refusal.response(scope))(scope, receive, send)

    def _foreign(self, headers: Headers) -> ErrorReply | None:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is None:
            same = site in (None, "same-origin", "none")
        else:
            same = urlsplit(origin).netloc.lower() == headers.get("host", "").lower() or self._allowed(origin)
        if same:
            return None
        text = "pages of another site may not call this; list them in http.cors_origins if they should"
        return _reply(403, "ForeignOrigin", text)


def _no_json(headers: Headers, path: str) -> ErrorReply | None:
    """A form of another site can send texts and form fields, but JSON only with this server's consent."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json") or path.endswith(FORMS):
        return None
    if not kind and "origin" not in headers and "sec-fetch-site" not in headers:
        return None
    return _reply(415, "UnsupportedMediaType", "the body must be JSON: send Content-Type: application/json")


def origin_check(origins: Sequence[str], pattern: str | None) -> Callable[[str], bool]:
    """Whether a page may call from another site."""
    matcher = None if pattern is None else re.compile(pattern)

    def allowed(origin: str) -> bool:
        return "*" in origins or origin in origins or bool(matcher and matcher.fullmatch(origin))

    return allowed
