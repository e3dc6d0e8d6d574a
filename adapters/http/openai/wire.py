"""Bodies of ``/v1/images``: OpenAI's fields, and ours that its clients send through ``extra_body``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Quality = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]
SIZE = r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})$"


def _null_is_false(value: Any) -> Any:
    return False if value is None else value


class ImageBody(BaseModel):
    """What all three calls take. A null means that the field was not sent; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str | None = Field(None, description="a checkpoint by any of its names; none: the one in force")
    n: int | None = Field(None, ge=1, description="how many pictures; default 1")
    size: str | None = Field(None, pattern=SIZE, description="WIDTHxHEIGHT, or auto")
    response_format: Literal["b64_json", "url"] | None = Field(None, description="default b64_json")
    output_format: Literal["png", "jpeg", "webp"] | None = Field(None, description="default png")
    output_compression: int | None = Field(None, ge=0, le=100, description="quality of jpeg and webp")
    quality: Quality | None = Field(None, description="how many steps, unless steps is given")
    stream: Annotated[bool, BeforeValidator(_null_is_false)] = Field(
        False, description="answer with server-sent events"
    )
    partial_images: int | None = Field(
        None, ge=0, le=3, description="unfinished pictures that a stream shows of each"
    )
    background: Literal["auto", "opaque"] | None = Field(None, description="pictures are opaque")
    style: Literal["vivid", "natural"] | None = Field(None, description="taken, without effect")
    moderation: Literal["auto", "low"] | None = Field(None, description="taken, without effect")
    user: str | None = Field(None, description="taken and not kept")
    negative_prompt: str | None = Field(None, description="ours: what the picture should not show")
    seed: int | None = Field(None, description="ours: of the first picture; default a random one")
    steps: int | None = Field(None, description="ours: sampling steps")
    cfg_scale: float | None = Field(None, description="ours: how closely the prompt is followed")
    sampler_name: str | None = Field(None, description="ours: a sampler by name")
    scheduler: str | None = Field(None, description="ours: a noise schedule by name")


class CreateImageRequest(ImageBody):
    """``POST /v1/images/generations``."""

    prompt: str = Field(description="what the picture should show")


class _FromPicture(ImageBody):
    denoising_strength: float | None = Field(None, description="ours: 0 keeps the picture, 1 draws it anew")


class EditImageRequest(_FromPicture):
    """``POST /v1/images/edits``, the pictures apart."""

    prompt: str = Field(description="what the picture should show")
    input_fidelity: Literal["high", "low"] | None = Field(None, description="how close to stay; default low")


class VaryImageRequest(_FromPicture):
    """``POST /v1/images/variations``, the picture apart."""

    prompt: str | None = Field(None, description="ours; default: what the picture says it was drawn from")


class PictureItem(BaseModel):
    """One picture of an answer."""

    b64_json: str | None = None
    url: str | None = None
    seed: int


class PicturesResponse(BaseModel):
    """What the three calls answer, unless they stream."""

    created: int
    data: list[PictureItem]
    background: Literal["opaque"] = "opaque"
    output_format: str
    quality: str
    size: str


class Checkpoint(BaseModel):
    """One checkpoint."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "serena"


class CheckpointList(BaseModel):
    """All checkpoints."""

    object: Literal["list"] = "list"
    data: list[Checkpoint]
