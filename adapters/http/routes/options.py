"""Read and change options."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from core.ports.driving import EditOptions


def options_router(options: EditOptions) -> APIRouter:
    router = new_router("/sdapi/v1", ["options"])

    @router.get("/options", summary="Every option with the value in force")
    async def get_options() -> Response:
        return JSONResponse(dict(await run_in_threadpool(options.get)))

    @router.post("/options", summary="Change several options, or none")
    async def set_options(changes: Annotated[dict[str, Any], Body()]) -> None:
        await run_in_threadpool(options.set, known_nulls_only(options, changes))

    return router


def known_nulls_only(options: EditOptions, changes: dict[str, Any]) -> dict[str, Any]:
    """``changes`` without unknown keys whose value is null: the reference passes over them too."""
    if all(value is not None for value in changes.values()):
        return changes
    known = {spec.name for spec in options.specs()}
    return {name: value for name, value in changes.items() if value is not None or name in known}
