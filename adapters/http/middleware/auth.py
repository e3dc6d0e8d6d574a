"""Passwords and keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http.error_shapes import own_path
from adapters.http.errors import ErrorReply
from adapters.http.users import name_user
from core.domain.errors import SettingsError

PUBLIC = ("/health/live",)
"""Liveness needs no password: whoever restarts a dead server has none."""

MISSING = ErrorReply(401, "HTTPException", "Not authenticated")
WRONG = ErrorReply(401, "HTTPException", "Incorrect username or password")
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Serena", charset="UTF-8"'}


class Credentials:
    """Who may call. Compares digests in constant time, so that a guess learns nothing from the time taken.

    :param users: ``name:password`` each; the first colon ends the name, all after it is the password.
    :param keys: for ``Authorization: Bearer``.
    """

    def __init__(self, users: Sequence[str], keys: Sequence[str]) -> None:
        self._users: dict[bytes, str] = {}
        for entry in users:
            name, colon, password = entry.partition(":")
            if not (name and colon and password):
                raise SettingsError("http.users: each entry must be name:password, neither of them empty")
            self._users[_digest("Basic", entry)] = name
        if not all(keys):
            raise SettingsError("http.api_keys: an empty key would let everybody in")
        self._keys: Mapping[bytes, str] = {_digest("Bearer", key): _key_name(key) for key in keys}

    def user(self, authorization: str) -> str | None:
        """The name of the caller, or None if that is not one who may call."""
        scheme, _, value = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            return _find(self._keys, _digest("Bearer", value.strip()))
        if scheme.lower() == "basic":
            return _find(self._users, _digest("Basic", _decoded(value.strip())))
        return None


def _digest(kind: str, secret: str) -> bytes:
    return hashlib.sha256(f"{kind} {secret}".encode("utf-8", "surrogatepass")).digest()


def _key_name(key: str) -> str:
    return "key-" + hashlib.sha256(key.encode()).hexdigest()[:8]


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _find(known: Mapping[bytes, str], given: bytes) -> str | None:
    """Looks at every entry, whichever matches."""
    found = None
    for digest, name in known.items():
        if hmac.compare_digest(digest, given):
            found = name
    return found


class Auth:
    """Lets pass who may call and leaves their name in the scope."""

    def __init__(self, app: ASGIApp, credentials: Credentials, public: Sequence[str] = PUBLIC) -> None:
        self._app = app
        self._credentials = credentials
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or own_path(scope) in self._public:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("authorization", "").strip()
        user = self._credentials.user(given)
        if user is None:
            response = (WRONG if given else MISSING).response(scope)
            response.headers.update(CHALLENGE)
            await response(scope, receive, send)
            return
        name_user(scope, user)
        await self._app(scope, receive, send)
