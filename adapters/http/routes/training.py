"""Training and creation of networks, which Serena does not offer: a clear 501."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from adapters.http.body import router as new_router
from adapters.http.errors import ErrorReply
from adapters.http.wire.lists import InfoResponse

_TEXT = (
    "Serena draws and does not train; make networks with a trainer and put the file into the models folder"
)
NOT_OFFERED = ErrorReply(501, "NotOffered", _TEXT, _TEXT)
PATHS = ("create/embedding", "create/hypernetwork", "train/embedding", "train/hypernetwork")


def training_router() -> APIRouter:
    router = new_router("/sdapi/v1", ["training"])

    async def refuse(arguments: Annotated[dict[str, Any], Body()]) -> Response:
        return NOT_OFFERED.response()

    for path in PATHS:
        router.post(f"/{path}", response_model=InfoResponse, summary="Not offered: answers 501")(refuse)
    return router
