"""How img2img brings a picture to the size that is drawn: Lanczos, or an upscaler where it must grow."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.geometry import Size, resize_plan, upscale_factor
from core.domain.image import RasterImage
from core.domain.options import OptionValues
from core.domain.request import ResizeMode
from core.domain.upscaling import NO_UPSCALER, enlarged, tiling_of
from core.ports.driven import ImageEditor, Upscalers
from core.stages.quiet import QuietWatch

Resize = Callable[[RasterImage, int, int, ResizeMode], RasterImage]


def init_resizer(
    editor: ImageEditor, upscalers: Upscalers | None, options: OptionValues
) -> tuple[Resize, tuple[str, ...]]:
    """What resizes init pictures by these options, and the comments on that."""
    name = options["upscaler_for_img2img"]
    if upscalers is None or name in (None, "", NO_UPSCALER):
        return editor.resize, ()
    known = {upscaler.name: upscaler for upscaler in upscalers.all()}
    if name not in known:
        return editor.resize, (f"There is no upscaler {name} (upscaler_for_img2img), so Lanczos was used.",)
    tiling = tiling_of(known[name], options)

    def resize(image: RasterImage, width: int, height: int, mode: ResizeMode) -> RasterImage:
        source = Size(*image.size)
        scaled = resize_plan(mode, source, Size(width, height)).scaled
        factor = upscale_factor(source, scaled)
        if factor > 1:
            image = upscalers.upscale(name, image, enlarged(source, factor), tiling, QuietWatch(_go_on))
            image = editor.resize(image, scaled.width, scaled.height, ResizeMode.STRETCH)
        return editor.resize(image, width, height, mode)

    return resize, ()


def _go_on() -> None:
    """A run cannot be stopped while it is prepared."""
