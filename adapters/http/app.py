"""The HTTP door: routes over the driving ports, and the layers around them."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from adapters.application import Application
from adapters.http.errors import answer_errors
from adapters.http.middleware.body_limit import BodyLimit, BodyTooLarge, answer_too_large
from adapters.http.middleware.guard import Guard
from adapters.http.middleware.timing import ProcessTime
from adapters.http.routes.generation import generation_router
from adapters.http.routes.health import health_router
from adapters.http.routes.images import images_router
from adapters.http.routes.models import models_router
from adapters.http.routes.options import options_router
from adapters.http.routes.progress import progress_router
from adapters.http.validation import answer_invalid

MEBI = 1024 * 1024
GZIP_FROM = 1000
GZIP_LEVEL = 1
"""Pictures in base64 shrink to what they were before it at every level; higher ones only take longer."""


def create_app(app: Application) -> FastAPI:
    """The ASGI application of one assembled Serena. It neither starts nor closes it."""
    api = FastAPI(title="Serena", docs_url="/docs", redoc_url=None, strict_content_type=False)
    for router in (
        generation_router(app.images, app.jobs),
        progress_router(app.jobs),
        options_router(app.options),
        models_router(app.models),
        images_router(app.inspect),
        health_router(app.health),
    ):
        api.include_router(router)
    answer_errors(api)
    answer_invalid(api)
    _add_layers(api, app)
    return api


def _add_layers(api: FastAPI, app: Application) -> None:
    """The last added is the outermost."""
    api.add_exception_handler(BodyTooLarge, answer_too_large)
    api.add_middleware(BodyLimit, limit=app.settings.http.max_body_mb * MEBI)
    api.add_middleware(Guard)
    api.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM, compresslevel=GZIP_LEVEL)
    api.add_middleware(ProcessTime)
