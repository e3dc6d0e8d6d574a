"""The masks that options ask to be returned beside the pictures."""

from __future__ import annotations

from core.domain.image import RasterImage
from core.ports.driven import ImageEditor
from core.stages.order import Preparation


def mask_pictures(image: RasterImage, prepared: Preparation, editor: ImageEditor) -> list[RasterImage]:
    """The overlay mask as RGB and the picture cut out by it as RGBA, as far as the options want them."""
    overlay, options = prepared.overlay, prepared.options
    if overlay is None:
        return []
    found = []
    if options.flag("return_mask"):
        found.append(editor.flatten(overlay.mask, "#000000"))
    if options.flag("return_mask_composite"):
        found.append(_cut_out(image, overlay.mask))
    return found


def _cut_out(image: RasterImage, mask: RasterImage) -> RasterImage:
    """The picture with the mask as its alpha channel."""
    pixels = bytearray(len(mask.pixels) * 4)
    pixels[0::4], pixels[1::4], pixels[2::4] = image.pixels[0::3], image.pixels[1::3], image.pixels[2::3]
    pixels[3::4] = mask.pixels
    return RasterImage(image.width, image.height, "RGBA", bytes(pixels))
