"""What a picture says of itself."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.pictures import decode_picture
from adapters.http.wire.images import PNGInfoRequest, PNGInfoResponse
from core.domain.infotext import parse
from core.ports.driving import InspectImages


def images_router(inspect: InspectImages) -> APIRouter:
    router = new_router("/sdapi/v1", ["images"])

    @router.post("/png-info", response_model=PNGInfoResponse, summary="Read the infotext of a picture")
    async def png_info(body: PNGInfoRequest) -> Response:
        info, items = await run_in_threadpool(lambda: inspect.read_info(decode_picture(body.image, "image")))
        return JSONResponse({"info": info, "items": dict(items), "parameters": dict(parse(info))})

    return router
