"""The layers around the routes, from the settings."""

from __future__ import annotations

import re
import socket

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from adapters.http.middleware.auth import PUBLIC, Auth, Credentials
from adapters.http.middleware.body_limit import BodyLimit, BodyTooLarge, answer_too_large
from adapters.http.middleware.guard import Guard
from adapters.http.middleware.headers import SafeHeaders
from adapters.http.middleware.measuring import Answered, Measuring
from adapters.http.middleware.request_log import RequestLog
from adapters.http.middleware.subpath import Subpath
from adapters.http.middleware.timing import ProcessTime
from adapters.http.middleware.walls import HostWall, OriginWall, origin_check
from adapters.settings import HttpSettings
from core.domain.errors import SettingsError

MEBI = 1024 * 1024
METRICS = "/metrics"
GZIP_FROM = 1000
GZIP_LEVEL = 1
"""Pictures in base64 shrink to what they were before it at every level; higher ones only take longer."""

EXPOSED = [
    "X-Job-Id",
    "X-Queue-Position",
    "X-Queue-Time",
    "X-Serena-Comments",
    "X-Queue-Length",
    "X-Process-Time",
    "Retry-After",
    "Location",
    "ETag",
    "Idempotent-Replayed",
]


def add_layers(api: FastAPI, http: HttpSettings, answered: Answered) -> None:
    """The last added is the outermost: what is refused costs little, and is logged and timed too."""
    api.add_exception_handler(BodyTooLarge, answer_too_large)
    api.add_middleware(BodyLimit, limit=http.max_body_mb * MEBI)
    api.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM, compresslevel=GZIP_LEVEL)
    if http.guarded:
        known = Credentials(_plain(http.users), _plain(http.api_keys))
        api.add_middleware(
            Auth, credentials=known, public=(*PUBLIC, METRICS) if http.open_metrics else PUBLIC
        )
    api.add_middleware(OriginWall, allowed=origin_check(http.cors_origins, _pattern(http)))
    if http.cors_origins or http.cors_origin_regex:
        _add_cors(api, http)
    api.add_middleware(HostWall, names=(*_own_names(http), *http.allowed_hosts))
    api.add_middleware(Guard)
    api.add_middleware(SafeHeaders)
    # Below the subpath, which hands on a copy of the scope that would not tell the route.
    api.add_middleware(Measuring, answered=answered)
    if http.subpath.strip("/"):
        api.add_middleware(Subpath, prefix=http.subpath)
    if http.log_requests:
        api.add_middleware(RequestLog)
    api.add_middleware(ProcessTime)


def _add_cors(api: FastAPI, http: HttpSettings) -> None:
    """``*`` goes without credentials: with them every site could act as the user."""
    everybody = "*" in http.cors_origins
    api.add_middleware(
        CORSMiddleware,
        allow_origins=["*"] if everybody else list(http.cors_origins),
        allow_origin_regex=None if everybody else http.cors_origin_regex,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=not everybody,
        expose_headers=EXPOSED,
    )


def _plain(secrets: tuple[SecretStr, ...]) -> list[str]:
    return [secret.get_secret_value() for secret in secrets]


def _pattern(http: HttpSettings) -> str | None:
    try:
        re.compile(http.cors_origin_regex or "")
    except re.error as error:
        raise SettingsError(f"http.cors_origin_regex is no regular expression: {error}") from None
    return http.cors_origin_regex


def _own_names(http: HttpSettings) -> tuple[str, ...]:
    return ("localhost", http.host, socket.gethostname())
