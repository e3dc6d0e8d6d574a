"""``/api/v1/models``: what there is to draw with, and what its headers say."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire.models import ModelList, ModelView, UnusableModel
from core.domain.model import ModelRef
from core.ports.driving import BrowseModels


def own_models_router(models: BrowseModels) -> APIRouter:
    router = new_router("/api/v1/models", ["own API"])

    def all_views() -> ModelList:
        current = models.current()
        return ModelList(
            models=[_view(models, model, current) for model in models.models()],
            unusable=[UnusableModel(name=one.name, problem=one.message) for one in models.problems()],
        )

    @router.get("", summary="Checkpoints, what they are, and what cannot be used")
    async def listing() -> ModelList:
        return await run_in_threadpool(all_views)

    @router.get("/{name:path}", summary="One checkpoint, by title, name, file name or hash")
    async def show(name: str) -> ModelView:
        return await run_in_threadpool(lambda: _view(models, models.find(name), models.current()))

    return router


def _view(models: BrowseModels, model: ModelRef, current: ModelRef | None) -> ModelView:
    identity, report = model.identity, models.report(model)
    return ModelView(
        title=identity.title,
        name=identity.name,
        model_name=identity.model_name,
        hash=identity.short_hash or None,
        sha256=identity.sha256 or None,
        current=current is not None and current.identity == identity,
        family=model.family or None,
        family_title=report.family,
        layout=report.layout,
        precision=list(report.precision),
        prediction=report.prediction or model.prediction,
        prediction_assumed=report.assumed,
        channels=report.channels,
        tensors=report.tensors,
        bytes=report.bytes,
        missing=list(report.missing),
        config=model.config,
        problem=report.problem,
    )
