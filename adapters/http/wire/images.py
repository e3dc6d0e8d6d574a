"""Bodies of what works on pictures that exist: extras, png-info, interrogate."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from adapters.http.wire.types import Bool, Float, Int, List, Str


def _mode(value: Any) -> Any:
    if value in (0, 1) and isinstance(value, int):
        return int(value)
    raise PydanticCustomError("value_error.const", "unexpected value; permitted: 0, 1")


Mode = Annotated[int, BeforeValidator(_mode), Field(json_schema_extra={"enum": [0, 1]})]
Share = Annotated[Float, Field(ge=0, le=1)]
Pixels = Annotated[Int, Field(ge=1)]


class ExtrasFields(BaseModel):
    """What both extras endpoints take. ``upscale_first`` has no effect, as in the reference."""

    resize_mode: Mode = 0
    show_extras_results: Bool = True
    gfpgan_visibility: Share = 0
    codeformer_visibility: Share = 0
    codeformer_weight: Share = 0
    upscaling_resize: Annotated[Float, Field(gt=0)] = 2
    upscaling_resize_w: Pixels = 512
    upscaling_resize_h: Pixels = 512
    upscaling_crop: Bool = True
    upscaler_1: Str = "None"
    upscaler_2: Str = "None"
    extras_upscaler_2_visibility: Share = 0
    upscale_first: Bool = False


class FileData(BaseModel):
    data: Str
    name: Str


def _files(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise PydanticCustomError("type_error.list", "value is not a valid list")


class ExtrasSingleImageRequest(ExtrasFields):
    image: Str = ""


class ExtrasBatchImagesRequest(ExtrasFields):
    imageList: Annotated[list[FileData], BeforeValidator(_files)]  # noqa: N815


class ExtrasSingleImageResponse(BaseModel):
    html_info: str
    image: str | None = None


class ExtrasBatchImagesResponse(BaseModel):
    html_info: str
    images: list[str]


class PNGInfoRequest(BaseModel):
    image: Str


class PNGInfoResponse(BaseModel):
    """``parameters`` is ``info`` taken apart, with the values that the reference fills in."""

    info: str
    items: dict[str, Any]
    parameters: dict[str, Any]


class InterrogateRequest(BaseModel):
    image: Str = ""
    model: Str = "clip"


class InterrogateResponse(BaseModel):
    caption: str


class DetectRequest(BaseModel):
    """Body of ``POST /controlnet/detect``."""

    controlnet_module: Str = "none"
    controlnet_input_images: List = []
    controlnet_processor_res: Int = 512
    controlnet_threshold_a: Float = 64
    controlnet_threshold_b: Float = 64
