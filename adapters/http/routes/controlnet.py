"""The routes of the ControlNet extension: lists of what is there, which is nothing yet."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.errors import ErrorReply
from adapters.http.pictures import Pictures, encode_picture
from adapters.http.wire.images import DetectRequest

NONE = "none"
NO_IMAGE = ErrorReply(422, "HTTPException", "No image selected")
NO_MODULE = ErrorReply(422, "HTTPException", "Module not found")


def controlnet_router(pictures: Pictures) -> APIRouter:
    router = new_router("/controlnet", ["controlnet"])

    @router.get("/version", summary="0: there is no ControlNet")
    async def version() -> dict[str, int]:
        return {"version": 0}

    @router.get("/model_list", summary="ControlNet models")
    async def model_list() -> dict[str, list[str]]:
        return {"model_list": []}

    @router.get("/module_list", summary="Preprocessors")
    async def module_list() -> dict[str, Any]:
        return {"module_list": [NONE], "module_detail": {NONE: {"model_free": False, "sliders": []}}}

    @router.get("/control_types", summary="Kinds of control, each with its preprocessors and models")
    async def control_types() -> dict[str, Any]:
        everything = {
            "module_list": [NONE],
            "model_list": [],
            "default_option": NONE,
            "default_model": "None",
        }
        return {"control_types": {"All": everything}}

    @router.get("/settings", summary="How many units a request may have")
    async def settings() -> dict[str, int]:
        return {"control_net_unit_count": 0}

    @router.post("/detect", summary="Run a preprocessor")
    async def detect(body: DetectRequest) -> Response:
        if body.controlnet_module != NONE:
            return NO_MODULE.response()
        if not body.controlnet_input_images:
            return NO_IMAGE.response()
        plain = await run_in_threadpool(plain_pictures, pictures, body.controlnet_input_images)
        return JSONResponse({"images": plain, "info": "Success"})

    return router


def plain_pictures(pictures: Pictures, given: list[Any]) -> list[str]:
    """As every answer has them, whatever form they came in."""
    return [
        encode_picture(pictures.decode(value, f"controlnet_input_images[{n}]"))
        for n, value in enumerate(given)
    ]
