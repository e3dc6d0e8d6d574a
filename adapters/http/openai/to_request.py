"""From OpenAI's fields to :class:`GenerationRequest`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters.http.openai.reading import Sent
from adapters.http.openai.wire import CreateImageRequest, EditImageRequest, ImageBody, VaryImageRequest
from core.domain.errors import InvalidImage, UnknownModel
from core.domain.image import BlobRef
from core.domain.infotext import parse
from core.domain.request import GenerationRequest, InitParams, Kind, ResizeMode
from core.ports.driving import BrowseModels, InspectImages, PictureFacts

STEPS: Mapping[str, int] = {
    "low": 12,
    "auto": 24,
    "standard": 24,
    "medium": 24,
    "high": 40,
    "hd": 40,
    "xhigh": 60,
    "max": 80,
}
"""By ``quality``."""
THEIRS = ("dall-e-", "gpt-image-", "chatgpt-image-")
"""How the names of OpenAI's own models begin; many clients send one whatever the server has."""
STRENGTH_OF_EDIT = 0.75
STRENGTH_OF_FAITHFUL_EDIT = 0.5
STRENGTH_OF_VARIATION = 0.6
LARGEST_AUTO = 1024 * 1024
"""Pixels of a picture whose size follows from the one that was sent."""
CELL = 8

Keep = Callable[[bytes], BlobRef]
"""Puts a picture of the request into the blob store."""


class Requests:
    """Builds requests. All methods raise ``InvalidRequest``."""

    def __init__(self, models: BrowseModels, inspect: InspectImages) -> None:
        self._models = models
        self._inspect = inspect

    def generation(self, body: CreateImageRequest) -> GenerationRequest:
        request = replace(self._common(body), kind=Kind.TXT2IMG, prompt=body.prompt)
        size = _size(body)
        return replace(request, width=size[0], height=size[1]) if size else request

    def edit(self, body: EditImageRequest, sent: Sent, keep: Keep) -> GenerationRequest:
        """The transparent part of the mask is drawn anew; without a mask, that of the picture, if any."""
        image = sent.one("image")
        facts = self._look(image, "image")
        mask = self._mask(image, facts, sent)
        strength = STRENGTH_OF_FAITHFUL_EDIT if body.input_fidelity == "high" else STRENGTH_OF_EDIT
        request = replace(self._from_picture(body, facts, strength), prompt=body.prompt)
        init = InitParams(
            images=(keep(image),),
            resize_mode=ResizeMode.CROP,
            mask=None if mask is None else keep(mask),
            mask_invert=mask is not None,
            only_masked=False,
        )
        return replace(request, init=init)

    def variation(self, body: VaryImageRequest, sent: Sent, keep: Keep) -> GenerationRequest:
        """Drawn with the prompt that the picture carries, unless one is sent."""
        image = sent.one("image")
        facts = self._look(image, "image")
        told = parse(self._inspect.read_info(image)[0])
        prompt = str(told.get("Prompt", "")) if body.prompt is None else body.prompt
        request = self._from_picture(body, facts, STRENGTH_OF_VARIATION)
        if body.negative_prompt is None:
            request = replace(request, negative_prompt=str(told.get("Negative prompt", "")))
        init = InitParams(images=(keep(image),), resize_mode=ResizeMode.CROP)
        return replace(request, prompt=prompt, init=init)

    def _look(self, data: bytes, field: str) -> PictureFacts:
        try:
            return self._inspect.look(data)
        except InvalidImage as error:
            raise InvalidImage(f"{field}: {error}") from None

    def _mask(self, image: bytes, facts: PictureFacts, sent: Sent) -> bytes | None:
        if not sent.pictures.get("mask"):
            return image if facts.transparent else None
        mask = sent.one("mask")
        seen = self._look(mask, "mask")
        if not seen.transparent:
            raise InvalidImage("mask: it has no transparent part; what is transparent is drawn anew")
        if seen.size != facts.size:
            raise InvalidImage(
                f"mask: it is {_text(seen.size)} and the image {_text(facts.size)}; they must be the same"
            )
        return mask

    def _from_picture(
        self, body: EditImageRequest | VaryImageRequest, facts: PictureFacts, strength: float
    ) -> GenerationRequest:
        width, height = _size(body) or _fitting(facts.size)
        strength = strength if body.denoising_strength is None else body.denoising_strength
        return replace(
            self._common(body), kind=Kind.IMG2IMG, width=width, height=height, denoising_strength=strength
        )

    def _common(self, body: ImageBody) -> GenerationRequest:
        overrides: dict[str, Any] = {
            "samples_format": body.output_format or "png",
            # An answer holds the pictures that were asked for and nothing else.
            "return_grid": False,
            "return_mask": False,
            "return_mask_composite": False,
        }
        if body.output_compression is not None:
            overrides["jpeg_quality"] = max(1, body.output_compression)
        if model := self._model(body.model):
            overrides["sd_model_checkpoint"] = model
        given = {
            "negative_prompt": body.negative_prompt,
            "seed": body.seed,
            "cfg_scale": body.cfg_scale,
            "sampler_name": body.sampler_name,
            "scheduler": body.scheduler,
        }
        return GenerationRequest(
            n_iter=body.n or 1,
            steps=STEPS[body.quality or "auto"] if body.steps is None else body.steps,
            override_settings=overrides,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )

    def _model(self, name: str | None) -> str | None:
        """The title of the checkpoint; None for the one in force."""
        if not name:
            return None
        try:
            return self._models.find(name).identity.title
        except UnknownModel:
            if name.startswith(THEIRS):
                return None
            raise


def _size(body: ImageBody) -> tuple[int, int] | None:
    """None for ``auto``."""
    if body.size is None or body.size == "auto":
        return None
    width, _, height = body.size.partition("x")
    return int(width), int(height)


def _fitting(size: tuple[int, int]) -> tuple[int, int]:
    """The size of a picture in whole cells of the latent, and not too much to draw."""
    scale = min(1.0, math.sqrt(LARGEST_AUTO / (size[0] * size[1])))
    width, height = (max(CELL, int(side * scale) // CELL * CELL) for side in size)
    return width, height


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
