"""What a script draws with where it is marked which plugin each thread is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.image import BlobRef, RasterImage
from core.domain.request import GenerationRequest
from core.drafts import NO_OPTIONS, Draw, DrawnImage
from plugins.marking import CallMarks, unmarked


class UnmarkedDraw:
    """A ``Draw``. While it draws, the script's plugin only waits: if the process dies meanwhile, that is not
    its doing."""

    def __init__(self, draw: Draw, marks: CallMarks) -> None:
        self._draw = draw
        self._marks = marks

    @property
    def seed_is_random(self) -> bool:
        return self._draw.seed_is_random

    @property
    def upscalers(self) -> tuple[str, ...]:
        return self._draw.upscalers

    def __call__(
        self, request: GenerationRequest, options: Mapping[str, Any] = NO_OPTIONS
    ) -> tuple[DrawnImage, ...]:
        return unmarked(self._marks, lambda: self._draw(request, options))

    def each(
        self,
        requests: Sequence[GenerationRequest],
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        at_once: int = 1,
    ) -> tuple[DrawnImage, ...]:
        return unmarked(self._marks, lambda: self._draw.each(requests, options, at_once=at_once))

    def expect(self, passes: int, images: int | None = None) -> None:
        self._draw.expect(passes, images)

    def open(self, image: BlobRef) -> RasterImage:
        return unmarked(self._marks, lambda: self._draw.open(image))

    def upscale(self, image: RasterImage, upscaler: str, factor: float) -> RasterImage:
        return unmarked(self._marks, lambda: self._draw.upscale(image, upscaler, factor))

    def keep(self, image: RasterImage) -> BlobRef:
        return unmarked(self._marks, lambda: self._draw.keep(image))
