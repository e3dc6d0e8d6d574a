"""Bodies of ``POST /sdapi/v1/png-info``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from adapters.http.wire.types import Str


class PNGInfoRequest(BaseModel):
    image: Str


class PNGInfoResponse(BaseModel):
    """``parameters`` is ``info`` taken apart, with the values that the reference fills in."""

    info: str
    items: dict[str, Any]
    parameters: dict[str, Any]
