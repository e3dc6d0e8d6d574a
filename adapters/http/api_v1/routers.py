"""The routers of the own API, assembled."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter

from adapters.application import Application
from adapters.http.api_v1.events import EventHub
from adapters.http.api_v1.finding import Finder
from adapters.http.api_v1.intake import Intake
from adapters.http.api_v1.jobs import JobRoutes, jobs_router
from adapters.http.api_v1.models import own_models_router
from adapters.http.api_v1.pictures import PictureRoutes, pictures_router
from adapters.http.api_v1.plugins import plugins_router
from adapters.http.api_v1.queue import queue_router
from adapters.http.api_v1.streams import events_router
from adapters.http.pictures import Pictures
from adapters.http.wire.jobs import Retention


def api_v1_routers(app: Application, pictures: Pictures) -> Iterator[APIRouter]:
    finder = Finder(app.jobs, app.settings.jobs)
    intake = Intake(app.images, app.jobs, pictures, app.options, app.resources)
    yield jobs_router(JobRoutes(app.jobs, intake, finder, app.kinds))
    yield pictures_router(PictureRoutes(app.images, app.jobs, finder))
    yield events_router(EventHub(app.images, app.jobs), finder)
    yield queue_router(app.jobs, retention(app))
    yield own_models_router(app.models)
    yield plugins_router(app.plugins, app.plugin_calls)


def retention(app: Application) -> Retention:
    jobs = app.settings.jobs
    return Retention(count=app.keep, hours=jobs.keep_hours, megabytes=jobs.keep_mb)
