"""What works on pictures that exist: extras, png-info, interrogate."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.errors import ErrorReply
from adapters.http.pictures import Pictures, PutPicture, encode_picture
from adapters.http.submitting import Render, Submitter
from adapters.http.wire import images as wire
from core.domain.image import BlobRef
from core.domain.infotext import parse
from core.domain.request import ExtrasParams, GenerationRequest, InterrogateParams, Kind
from core.domain.result import GenerationResult
from core.ports.driving import InspectImages

CAPTION_MODELS = ("clip", "deepdanbooru")
MODEL_NOT_FOUND = ErrorReply(404, "HTTPException", "Model not found")


class ImageRoutes:
    """Extras and interrogate, which are jobs."""

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter

    async def single(self, body: wire.ExtrasSingleImageRequest, request: Request) -> Response:
        def render(result: GenerationResult) -> Response:
            return JSONResponse({"html_info": result.info["html_info"], "image": self._encoded(result)[0]})

        return await self._extras(body, {"image": body.image}, (), request, render)

    async def batch(self, body: wire.ExtrasBatchImagesRequest, request: Request) -> Response:
        def render(result: GenerationResult) -> Response:
            return JSONResponse({"html_info": result.info["html_info"], "images": self._encoded(result)})

        files = {f"imageList[{n}].data": file.data for n, file in enumerate(body.imageList)}
        return await self._extras(body, files, [file.name for file in body.imageList], request, render)

    async def interrogate(self, body: wire.InterrogateRequest, request: Request) -> Response:
        def build(put: PutPicture) -> GenerationRequest:
            params = InterrogateParams(image=put(body.image, "image"), model=body.model)
            return GenerationRequest(kind=Kind.INTERROGATE, interrogate=params)

        def render(result: GenerationResult) -> Response:
            return JSONResponse({"caption": result.info["caption"]})

        if body.model not in CAPTION_MODELS:
            return MODEL_NOT_FOUND.response()
        return await self._submitter.answer(request, Kind.INTERROGATE, build, render)

    def _encoded(self, result: GenerationResult) -> list[str]:
        return [encode_picture(self._submitter.picture(picture.blob)) for picture in result.images]

    async def _extras(
        self,
        body: wire.ExtrasFields,
        files: dict[str, str],
        names: Sequence[str],
        request: Request,
        render: Render,
    ) -> Response:
        def build(put: PutPicture) -> GenerationRequest:
            images = tuple(put(data, field) for field, data in files.items())
            return GenerationRequest(kind=Kind.EXTRAS, extras=extras_params(body, images, tuple(names)))

        return await self._submitter.answer(request, Kind.EXTRAS, build, render)


def extras_params(
    body: wire.ExtrasFields, images: tuple[BlobRef, ...], names: tuple[str, ...]
) -> ExtrasParams:
    return ExtrasParams(
        images=images,
        names=names,
        to_size=body.resize_mode == 1,
        factor=body.upscaling_resize,
        width=body.upscaling_resize_w,
        height=body.upscaling_resize_h,
        crop=body.upscaling_crop,
        upscaler_1=body.upscaler_1,
        upscaler_2=body.upscaler_2,
        upscaler_2_visibility=body.extras_upscaler_2_visibility,
        gfpgan_visibility=body.gfpgan_visibility,
        codeformer_visibility=body.codeformer_visibility,
        codeformer_weight=body.codeformer_weight,
    )


def images_router(submitter: Submitter, inspect: InspectImages, pictures: Pictures) -> APIRouter:
    router = new_router("/sdapi/v1", ["images"])
    routes = ImageRoutes(submitter)

    @router.post("/png-info", response_model=wire.PNGInfoResponse, summary="Read the infotext of a picture")
    async def png_info(body: wire.PNGInfoRequest) -> Response:
        info, items = await run_in_threadpool(lambda: inspect.read_info(pictures.decode(body.image, "image")))
        return JSONResponse({"info": info, "items": dict(items), "parameters": dict(parse(info))})

    router.post(
        "/extra-single-image",
        response_model=wire.ExtrasSingleImageResponse,
        summary="Upscale a picture, mend its faces",
    )(routes.single)
    router.post(
        "/extra-batch-images",
        response_model=wire.ExtrasBatchImagesResponse,
        summary="Upscale several pictures, mend their faces",
    )(routes.batch)
    router.post("/interrogate", response_model=wire.InterrogateResponse, summary="Describe a picture")(
        routes.interrogate
    )
    return router
