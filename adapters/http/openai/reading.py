"""Bodies that hold pictures: a form with files, as the clients send, or JSON with base64 or URLs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from adapters.http.pictures import Pictures
from core.domain.errors import InvalidImage, InvalidRequest, InvalidValue

MOST_PARTS = 64
"""Of a form. Files count apart."""
MOST_TEXT = 1024 * 1024
"""Bytes of one field of a form that is no file; such a field may be a picture in base64, if it is small."""
PICTURES = ("image", "mask")


@dataclass(slots=True)
class Sent:
    """A body, taken apart.

    :ivar pictures: encoded pictures by the name of their field, ``image`` or ``mask``.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, list[bytes]] = field(default_factory=dict)

    def one(self, name: str) -> bytes:
        """The only picture of that name. Raises ``InvalidImage`` if there is none, or more."""
        found = self.pictures.get(name, [])
        if len(found) != 1:
            told = "is missing" if not found else f"holds {len(found)} pictures; one picture is edited a call"
            raise InvalidImage(f"{name} {told}; send one PNG, JPEG or WebP file")
        return found[0]


async def read_sent(request: Request, pictures: Pictures) -> Sent:
    """Raises ``InvalidImage`` or ``InvalidValue``; what is no form at all is FastAPI's 400."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await _from_form(request, pictures)
    return await _from_json(request, pictures)


async def _from_form(request: Request, pictures: Pictures) -> Sent:
    sent = Sent()
    limits: dict[str, Any] = {"max_files": MOST_PARTS, "max_fields": MOST_PARTS, "max_part_size": MOST_TEXT}
    async with request.form(**limits) as form:
        for key, value in form.multi_items():
            name = key.removesuffix("[]")
            if isinstance(value, UploadFile):
                sent.pictures.setdefault(name, []).append(await value.read())
            else:
                await _take(sent, name, value, pictures)
    return sent


async def _from_json(request: Request, pictures: Pictures) -> Sent:
    try:
        body = await request.json()
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is no JSON: {error.msg}") from None
    if not isinstance(body, Mapping):
        raise InvalidValue("the body", type(body).__name__, "it must be a JSON object or a form with files")
    sent = Sent()
    for key, value in body.items():
        name = "image" if key == "images" else key
        for one in value if isinstance(value, list) and name in PICTURES else [value]:
            await _take(sent, name, one, pictures)
    return sent


async def _take(sent: Sent, name: str, value: object, pictures: Pictures) -> None:
    if name not in PICTURES:
        sent.fields[name] = value
    elif value is not None:
        text = value.get("image_url") if isinstance(value, Mapping) else value
        # It may have to be fetched.
        data = await run_in_threadpool(pictures.decode, text, name)
        sent.pictures.setdefault(name, []).append(data)
