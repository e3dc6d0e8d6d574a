"""Checkpoints, samplers and schedules."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire.lists import SamplerItem, SchedulerItem, SDModelItem
from core.domain.model import ModelRef
from core.ports.driving import BrowseModels
from core.sampling.registry import SAMPLERS
from core.sampling.schedules import SCHEDULERS


def model_item(model: ModelRef) -> SDModelItem:
    """``filename`` is relative: where a server keeps its files is nobody's business."""
    identity = model.identity
    return SDModelItem(
        title=identity.title,
        model_name=identity.model_name,
        hash=identity.short_hash,
        sha256=identity.sha256,
        filename=identity.name,
        config=model.config,
    )


def sampler_items() -> list[SamplerItem]:
    return [
        SamplerItem(name=info.name, aliases=list(info.aliases), options=info.options) for info in SAMPLERS
    ]


def scheduler_items() -> list[SchedulerItem]:
    return [
        SchedulerItem(
            name=info.name,
            label=info.label,
            aliases=list(info.aliases) or None,
            default_rho=info.default_rho,
            need_inner_model=info.need_inner_model,
        )
        for info in SCHEDULERS
    ]


def models_router(models: BrowseModels) -> APIRouter:
    router = new_router("/sdapi/v1", ["lists"])

    @router.get("/sd-models", summary="Checkpoints")
    async def sd_models() -> list[SDModelItem]:
        return [model_item(model) for model in await run_in_threadpool(models.models)]

    @router.post("/refresh-checkpoints", summary="Look for checkpoints on the disk again")
    async def refresh_checkpoints() -> None:
        await run_in_threadpool(models.refresh)

    @router.get("/samplers", summary="Samplers")
    async def samplers() -> list[SamplerItem]:
        return sampler_items()

    @router.get("/schedulers", summary="Noise schedules")
    async def schedulers() -> list[SchedulerItem]:
        return scheduler_items()

    return router
