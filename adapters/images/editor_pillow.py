"""Pixel work by Pillow and numpy, which load when the first picture comes."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.errors import InvalidValue
from core.domain.image import RasterImage
from core.domain.request import ResizeMode


class PillowImageEditor:
    """An ``ImageEditor`` with the rules, roundings and filters of the reference."""

    def flatten(self, image: RasterImage, background: str) -> RasterImage:
        from PIL import Image

        from adapters.images.pil import from_pil, to_pil

        picture = to_pil(image)
        if image.mode != "RGBA":
            return from_pil(picture.convert("RGB"))
        result = Image.new("RGB", image.size, _color(background))
        result.paste(picture, mask=picture.getchannel("A"))
        return from_pil(result)

    def resize(self, image: RasterImage, width: int, height: int, mode: ResizeMode) -> RasterImage:
        from adapters.images.pil import from_pil, to_pil
        from adapters.images.resize import resize

        return from_pil(resize(to_pil(image), width, height, mode))

    def crop(self, image: RasterImage, box: tuple[int, int, int, int]) -> RasterImage:
        from adapters.images.pil import from_pil, to_pil

        return from_pil(to_pil(image).crop(box))

    def to_mask(self, image: RasterImage, round_alpha: bool) -> RasterImage:
        from adapters.images.mask import to_mask
        from adapters.images.pil import from_pil, to_pil

        return from_pil(to_mask(to_pil(image), round_alpha))

    def invert(self, mask: RasterImage) -> RasterImage:
        return RasterImage(
            mask.width, mask.height, mask.mode, mask.pixels.translate(bytes(range(255, -1, -1)))
        )

    def blur(self, mask: RasterImage, sigma_x: int, sigma_y: int) -> RasterImage:
        from adapters.images.mask import blur
        from adapters.images.pil import from_pil, to_pil

        return from_pil(blur(to_pil(mask), sigma_x, sigma_y))

    def bounds(self, mask: RasterImage) -> tuple[int, int, int, int] | None:
        from adapters.images.pil import to_pil

        return to_pil(mask).getbbox()

    def scale_values(self, mask: RasterImage, factor: int) -> RasterImage:
        from adapters.images.mask import scale_values
        from adapters.images.pil import from_pil, to_pil

        return from_pil(scale_values(to_pil(mask), factor))

    def fill_masked(self, image: RasterImage, mask: RasterImage) -> RasterImage:
        from adapters.images.fill import fill_masked
        from adapters.images.pil import from_pil, to_pil

        return from_pil(fill_masked(to_pil(image), to_pil(mask)))

    def overlay(
        self,
        image: RasterImage,
        original: RasterImage,
        mask: RasterImage,
        paste_to: tuple[int, int, int, int] | None,
    ) -> RasterImage:
        from adapters.images.overlay import overlay
        from adapters.images.pil import from_pil, to_pil

        return from_pil(overlay(to_pil(image), to_pil(original), to_pil(mask), paste_to))

    def cut_out(
        self, image: RasterImage, mask: RasterImage, paste_to: tuple[int, int, int, int] | None
    ) -> RasterImage:
        from adapters.images.overlay import cut_out
        from adapters.images.pil import from_pil, to_pil

        return from_pil(cut_out(to_pil(image), to_pil(mask), paste_to))

    def match_colors(self, image: RasterImage, reference: RasterImage) -> RasterImage:
        import numpy as np
        from PIL import Image

        from adapters.images.color import match_colors
        from adapters.images.pil import from_pil, to_pil

        pixels = [np.asarray(to_pil(one).convert("RGB"), np.uint8) for one in (image, reference)]
        return from_pil(Image.fromarray(match_colors(*pixels)))

    def blend(self, image: RasterImage, other: RasterImage, share: float) -> RasterImage:
        from PIL import Image

        from adapters.images.pil import from_pil, to_pil

        pictures = [to_pil(one) for one in (image, other)]
        if image.mode != other.mode:
            pictures = [picture.convert("RGB") for picture in pictures]
        return from_pil(Image.blend(pictures[0], pictures[1], share))

    def centre(self, image: RasterImage, width: int, height: int) -> RasterImage:
        from PIL import Image

        from adapters.images.pil import from_pil, to_pil

        canvas = Image.new("RGB", (width, height))
        canvas.paste(to_pil(image), (width // 2 - image.width // 2, height // 2 - image.height // 2))
        return from_pil(canvas)

    def grid(self, images: Sequence[RasterImage], columns: int, rows: int, background: str) -> RasterImage:
        from adapters.images.grid import grid
        from adapters.images.pil import from_pil, to_pil

        return from_pil(grid([to_pil(image) for image in images], columns, rows, _color(background)))


def _color(name: str) -> str:
    from PIL import ImageColor

    try:
        ImageColor.getrgb(name)
    except ValueError:
        raise InvalidValue("background colour", name, "it must be a colour such as #ffffff") from None
    return name
