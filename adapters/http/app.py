"""The HTTP door: routes over the driving ports, and the layers around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi import APIRouter, FastAPI

from adapters.application import Application
from adapters.http.api_v1.routers import api_v1_routers
from adapters.http.documents import add_documents
from adapters.http.errors import answer_errors
from adapters.http.fetching import Fetcher
from adapters.http.layers import add_layers
from adapters.http.metrics import Metrics
from adapters.http.openai.routes import openai_router
from adapters.http.pictures import Pictures
from adapters.http.routes.control import control_router
from adapters.http.routes.controlnet import controlnet_router
from adapters.http.routes.flags import flags_router
from adapters.http.routes.generation import generation_router
from adapters.http.routes.health import health_router
from adapters.http.routes.images import images_router
from adapters.http.routes.memory import memory_router
from adapters.http.routes.metrics import metrics_router
from adapters.http.routes.models import models_router
from adapters.http.routes.options import options_router
from adapters.http.routes.probes import probes_router
from adapters.http.routes.progress import progress_router
from adapters.http.routes.resources import resources_router
from adapters.http.routes.scripts import scripts_router
from adapters.http.routes.tasks import support_router, tasks_router
from adapters.http.routes.training import training_router
from adapters.http.stopping import Stopping
from adapters.http.submitting import Submitter
from adapters.http.validation import answer_invalid


def create_app(app: Application, stop: Callable[[], None] = lambda: None) -> FastAPI:
    """The ASGI application of one assembled Serena. It neither starts nor closes it.

    Raises ``SettingsError`` if a setting of ``http`` cannot be used.

    :param stop: ends the server that runs this, for ``/server-stop``.
    """
    api = FastAPI(title="Serena", docs_url=None, redoc_url=None, openapi_url=None, strict_content_type=False)
    api.state.stopping = Stopping()
    metrics = Metrics(app.jobs, app.backend, app.plugin_calls)
    app.listen(metrics)
    for router in (*_routers(app, stop), metrics_router(metrics)):
        api.include_router(router)
    add_documents(api, app.options)
    answer_errors(api)
    answer_invalid(api)
    add_layers(api, app.settings.http, metrics.answered)
    return api


def _routers(app: Application, stop: Callable[[], None]) -> Iterator[APIRouter]:
    pictures = Pictures(Fetcher(app.options).fetch)
    detached = not app.settings.jobs.cancel_on_disconnect
    submitter = Submitter(app.images, app.jobs, pictures, app.kinds, detached=detached)
    yield generation_router(submitter, app.options, app.resources)
    yield images_router(submitter, app.inspect, pictures)
    yield progress_router(app.jobs)
    yield options_router(app.options)
    yield flags_router(app.settings.http)
    yield models_router(app.models)
    yield resources_router(app.resources)
    yield scripts_router(app.resources, app.plugins)
    yield memory_router(app.memory)
    yield training_router()
    yield control_router(app.settings.http, stop)
    yield tasks_router(app.jobs)
    yield support_router(app)
    yield controlnet_router(pictures)
    yield probes_router(app.jobs)
    yield from api_v1_routers(app, pictures)
    yield openai_router(app, pictures)
    yield health_router(app.health)
