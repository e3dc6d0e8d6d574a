"""The upscalers that need no weights. Pillow loads when the first picture comes."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from core.domain.errors import InvalidValue
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.resources import UpscalerRef
from core.domain.upscaling import NO_UPSCALER, Tiling
from core.ports.driven import RunWatch

_FILTERS: Final = MappingProxyType({NO_UPSCALER: "LANCZOS", "Lanczos": "LANCZOS", "Nearest": "NEAREST"})


class PillowUpscalers:
    """``Upscalers`` by Pillow's filters. "None" is Lanczos where a size must be reached."""

    def all(self) -> Sequence[UpscalerRef]:
        return tuple(UpscalerRef(name=name) for name in _FILTERS)

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        if name not in _FILTERS:
            raise InvalidValue("upscaler", name, f"it must be one of {', '.join(_FILTERS)}")
        from PIL import Image

        from adapters.images.pil import from_pil, to_pil

        watch.begin_pass(1)
        watch.check()
        larger = to_pil(image).resize((size.width, size.height), Image.Resampling[_FILTERS[name]])
        watch.step(1)
        return from_pil(larger)

    def refresh(self) -> None:
        """There is nothing to look for."""
