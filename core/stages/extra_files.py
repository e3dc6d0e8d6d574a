"""Files beside a saved picture: its infotext, and a smaller JPEG of one that is large."""

from __future__ import annotations

import hashlib

from core.domain.folders import folder_parts
from core.domain.image import RasterImage
from core.domain.options import OptionValues
from core.domain.request import ResizeMode
from core.drafts import SaveDraft
from core.ports.driven import ImageCodec, ImageEditor, ImageStore
from core.stages.encoding import encode

MEGABYTE = 1024 * 1024


class ExtraFiles:
    """They take the name of the picture."""

    def __init__(self, codec: ImageCodec, editor: ImageEditor) -> None:
        self._codec = codec
        self._editor = editor

    def make(self, plan: SaveDraft, size: int, options: OptionValues) -> dict[str, bytes]:
        """What the options want beside a picture of ``size`` bytes, by extension."""
        files: dict[str, bytes] = {}
        if options.flag("save_txt") and plan.infotext:
            files["txt"] = f"{plan.infotext}\n".encode("utf-8", "backslashreplace")
        if plan.format != "jpg" and options.flag("export_for_4chan") and _is_large(plan.image, size, options):
            small = self._smaller(plan.image, options)
            files["jpg"] = encode(self._codec, small, "jpg", plan.infotext or None, options)
        return files

    def _smaller(self, image: RasterImage, options: OptionValues) -> RasterImage:
        """RGB with no side longer than the options allow."""
        longest, target = max(image.size), max(1, int(options.number("target_side_length")))
        image = self._editor.flatten(image, "#ffffff")
        if longest <= target:
            return image
        width, height = (max(1, round(side * target / longest)) for side in image.size)
        return self._editor.resize(image, width, height, ResizeMode.STRETCH)


class InitFiles:
    """Keeps the pictures that img2img started from, under the hash of their pixels."""

    def __init__(self, codec: ImageCodec, store: ImageStore) -> None:
        self._codec = codec
        self._store = store

    def keep(self, image: RasterImage, options: OptionValues) -> str | None:
        """The hash, or None where the options keep nothing. Raises ``StorageError``."""
        if not options.flag("save_init_img"):
            return None
        digest = hashlib.md5(image.pixels, usedforsecurity=False).hexdigest()
        folder = folder_parts("outdir_init_images", options.text("outdir_init_images"))
        data = encode(self._codec, image, "png", None, options)
        self._store.save(folder, digest, "png", data, number=False, replace=True)
        return digest


def _is_large(image: RasterImage, size: int, options: OptionValues) -> bool:
    heavy = size > options.number("img_downscale_threshold") * MEGABYTE
    return heavy or max(image.size) > options.number("target_side_length")
