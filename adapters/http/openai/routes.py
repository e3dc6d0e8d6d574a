"""``/v1/images`` and ``/v1/models``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.application import Application
from adapters.http.api_v1.pictures import MEDIA, client_has, kept_by_the_client, picture
from adapters.http.openai.reading import read_sent
from adapters.http.openai.refusing import router as new_router
from adapters.http.openai.running import PictureJobs
from adapters.http.openai.to_request import Requests
from adapters.http.openai.wire import (
    Checkpoint,
    CheckpointList,
    CreateImageRequest,
    EditImageRequest,
    ImageBody,
    PicturesResponse,
    VaryImageRequest,
)
from adapters.http.pictures import Pictures
from adapters.http.users import seen_by, user_of
from core.domain.errors import UnknownJob
from core.domain.model import ModelRef

GENERATION, EDIT = "image_generation", "image_edit"
KINDS = ("image/png", "image/jpeg", "image/webp")


class ImageRoutes:
    """The three calls, and the pictures that their answers name by URL."""

    def __init__(self, app: Application, pictures: Pictures) -> None:
        self._app = app
        self._pictures = pictures
        self._requests = Requests(app.models, app.inspect)
        detached = not app.settings.jobs.cancel_on_disconnect
        self._running = PictureJobs(app.images, app.jobs, detached=detached)

    async def generations(self, body: CreateImageRequest, request: Request) -> Response:
        return await self._running.answer(
            request, body, lambda keep: self._requests.generation(body), GENERATION
        )

    async def edits(self, request: Request) -> Response:
        sent = await read_sent(request, self._pictures)
        body = EditImageRequest.model_validate(sent.fields)
        return await self._running.answer(
            request, body, lambda keep: self._requests.edit(body, sent, keep), EDIT
        )

    async def variations(self, request: Request) -> Response:
        sent = await read_sent(request, self._pictures)
        body = VaryImageRequest.model_validate(sent.fields)
        return await self._running.answer(
            request, body, lambda keep: self._requests.variation(body, sent, keep), EDIT
        )

    async def file(self, job_id: str, index: int, request: Request) -> Response:
        return await run_in_threadpool(self._file, job_id, index, request)

    def _file(self, job_id: str, index: int, request: Request) -> Response:
        image = picture(seen_by(user_of(request), self._app.jobs, job_id), index)
        if image is None:
            raise UnknownJob(f"{job_id}/{index}")
        headers = kept_by_the_client(image)
        if client_has(request, image):
            return Response(status_code=304, headers=headers)
        data = self._app.images.image(image.blob)
        return Response(data, media_type=MEDIA[image.format], headers=headers)


def openai_router(app: Application, pictures: Pictures) -> APIRouter:
    routes = ImageRoutes(app, pictures)
    router = new_router()
    router.post("/images/generations", response_model=PicturesResponse, summary="Draw from a prompt")(
        routes.generations
    )
    router.post(
        "/images/edits",
        response_model=PicturesResponse,
        summary="Draw from a picture, or in the transparent part of a mask",
        openapi_extra=_body(EditImageRequest, ("image", "mask")),
    )(routes.edits)
    router.post(
        "/images/variations",
        response_model=PicturesResponse,
        summary="Draw a picture like another one",
        openapi_extra=_body(VaryImageRequest, ("image",)),
    )(routes.variations)
    router.get(
        "/images/files/{job_id}/{index}",
        summary="A picture that was answered by its URL",
        response_class=Response,
        responses={
            200: {"description": "The picture", "content": {kind: {} for kind in KINDS}},
            304: {"description": "The picture that you have"},
        },
    )(routes.file)

    @router.get("/models", summary="Checkpoints")
    async def models() -> CheckpointList:
        found = await run_in_threadpool(app.models.models)
        return CheckpointList(data=[_checkpoint(model) for model in found])

    @router.get("/models/{name:path}", summary="One checkpoint, by any of its names")
    async def model(name: str) -> Checkpoint:
        return _checkpoint(await run_in_threadpool(app.models.find, name))

    return router


def _checkpoint(model: ModelRef) -> Checkpoint:
    return Checkpoint(id=model.identity.model_name)


def _body(model: type[ImageBody], files: tuple[str, ...]) -> dict[str, Any]:
    """How a body with pictures is documented: the form that clients send, and JSON."""

    def schema(picture: dict[str, Any]) -> dict[str, Any]:
        described: dict[str, Any] = model.model_json_schema()
        described["properties"] |= dict.fromkeys(files, picture)
        described["required"] = ["image", *described.get("required", ())]
        return {"schema": described}

    text = {"type": "string", "description": "base64, or a URL where those are allowed"}
    content = {
        "multipart/form-data": schema({"type": "string", "format": "binary"}),
        "application/json": schema(text),
    }
    return {"requestBody": {"required": True, "content": content}}
