"""What a script does to pictures between its passes: it opens, enlarges and keeps them."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.errors import InvalidValue
from core.domain.geometry import Size
from core.domain.image import BlobRef, RasterImage
from core.domain.limits import RequestLimits
from core.domain.options import OptionValues
from core.domain.upscaling import check_upscaler, enlarged, tiling_of
from core.ports.driven import BlobStore, ImageCodec, ImageEditor, Upscalers
from core.stages.quiet import QuietWatch
from core.stages.staged import picture_bytes


class Workbench:
    """The tools of scripts. It keeps nothing of a run."""

    def __init__(
        self,
        codec: ImageCodec,
        blobs: BlobStore,
        editor: ImageEditor,
        upscalers: Upscalers,
        limits: RequestLimits,
    ) -> None:
        self._codec = codec
        self._blobs = blobs
        self._editor = editor
        self._upscalers = upscalers
        self._limits = limits

    def upscalers(self) -> tuple[str, ...]:
        """Their names, in the order in which users see them."""
        return tuple(upscaler.name for upscaler in self._upscalers.all())

    def open(self, ref: BlobRef, options: OptionValues) -> RasterImage:
        """RGB. Raises ``InvalidImage``."""
        picture = self._codec.decode(picture_bytes(self._blobs, ref))
        return self._editor.flatten(picture, options.text("img2img_background_color"))

    def upscale(
        self,
        image: RasterImage,
        name: str,
        factor: float,
        options: OptionValues,
        check: Callable[[], None],
    ) -> RasterImage:
        """Raises ``InvalidValue`` before anything of that size is made."""
        known = {upscaler.name: upscaler for upscaler in self._upscalers.all()}
        check_upscaler("upscaler", name, tuple(known))
        size = enlarged(Size(*image.size), factor)
        if size.width * size.height > self._limits.max_pixels:
            raise InvalidValue(
                "scale factor",
                factor,
                f"{size.width}x{size.height} would come out; at most {self._limits.max_pixels} pixels may",
            )
        return self._upscalers.upscale(name, image, size, tiling_of(known[name], options), QuietWatch(check))

    def keep(self, image: RasterImage) -> BlobRef:
        """Make a picture one that a request can start from; it is to be let go of."""
        return self._blobs.put(self._codec.encode(image, "png", None))
