"""``POST /sdapi/v1/txt2img`` and ``/img2img``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.pasting import paste
from adapters.http.pictures import PutPicture, encode_picture
from adapters.http.submitting import Submitter
from adapters.http.to_request import img2img_request, txt2img_request
from adapters.http.wire.generation import GenerationBody, ImagesResponse, Img2ImgRequest, Txt2ImgRequest, echo
from core.domain.request import GenerationRequest, Kind
from core.domain.resources import ScriptInfo
from core.domain.result import GenerationResult
from core.ports.driving import BrowseResources, EditOptions

B = TypeVar("B", Txt2ImgRequest, Img2ImgRequest)


class GenerationRoutes:
    """The two endpoints."""

    def __init__(self, submitter: Submitter, options: EditOptions, resources: BrowseResources) -> None:
        self._submitter = submitter
        self._options = options
        self._resources = resources

    async def txt2img(self, body: Txt2ImgRequest, request: Request) -> Response:
        return await self._generate(
            body, request, lambda pasted, put: txt2img_request(pasted, self._scripts(pasted))
        )

    async def img2img(self, body: Img2ImgRequest, request: Request) -> Response:
        return await self._generate(
            body, request, lambda pasted, put: img2img_request(pasted, self._scripts(pasted), put)
        )

    def _scripts(self, body: GenerationBody) -> Sequence[ScriptInfo]:
        """Those that there are, for a body that names any."""
        return self._resources.scripts() if body.script_name or body.alwayson_scripts else ()

    async def _generate(
        self, body: B, request: Request, to_request: Callable[[B, PutPicture], GenerationRequest]
    ) -> Response:
        pasted = body

        def build(put: PutPicture) -> GenerationRequest:
            nonlocal pasted
            pasted = paste(body, self._options, self._resources.styles)
            return to_request(pasted, put)

        def render(result: GenerationResult) -> Response:
            if pasted.override_settings and pasted.override_settings_restore_afterwards is False:
                # The reference leaves such overrides in force; here they are changed like any option, and
                # only by a request that was drawn.
                self._options.set(pasted.override_settings)
            sent = result.images if body.send_images else ()
            return JSONResponse(
                {
                    "images": [encode_picture(self._submitter.picture(picture.blob)) for picture in sent],
                    "parameters": echo_hiding_pictures(pasted),
                    "info": json.dumps(dict(result.info), default=lambda value: None),
                }
            )

        kind = Kind.IMG2IMG if isinstance(body, Img2ImgRequest) else Kind.TXT2IMG
        return await self._submitter.answer(request, kind, build, render, body.force_task_id)


def echo_hiding_pictures(body: GenerationBody) -> dict[str, Any]:
    parameters = echo(body)
    if isinstance(body, Img2ImgRequest) and not body.include_init_images:
        parameters["init_images"] = parameters["mask"] = None
    return parameters


def generation_router(submitter: Submitter, options: EditOptions, resources: BrowseResources) -> APIRouter:
    routes = GenerationRoutes(submitter, options, resources)
    router = new_router("/sdapi/v1", ["generation"])
    router.post("/txt2img", response_model=ImagesResponse, summary="Draw from a prompt")(routes.txt2img)
    router.post("/img2img", response_model=ImagesResponse, summary="Draw from a picture")(routes.img2img)
    return router
