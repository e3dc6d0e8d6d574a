"""Files beside a saved picture: its infotext, and a smaller JPEG of one that is large."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from core.domain.folders import folder_parts
from core.domain.image import RasterImage
from core.domain.options import OptionValues
from core.domain.request import ResizeMode
from core.drafts import SaveDraft
from core.ports.driven import ImageCodec, ImageEditor, ImageStore
from core.stages.encoding import encode

MEGABYTE = 1024 * 1024


class ExtraFiles:
    """Written after the picture, under its name."""

    def __init__(self, codec: ImageCodec, editor: ImageEditor, store: ImageStore) -> None:
        self._codec = codec
        self._editor = editor
        self._store = store

    def write(self, plan: SaveDraft, path: str, size: int, options: OptionValues) -> None:
        """What the options want beside the file at ``path``, of ``size`` bytes. Raises ``StorageError``."""
        name = PurePosixPath(path)
        if options.flag("save_txt") and plan.infotext:
            self._put(name, "txt", f"{plan.infotext}\n".encode("utf-8", "backslashreplace"))
        if (
            name.suffix != ".jpg"
            and options.flag("export_for_4chan")
            and _is_large(plan.image, size, options)
        ):
            small = self._smaller(plan.image, options)
            self._put(name, "jpg", encode(self._codec, small, "jpg", plan.infotext or None, options))

    def _put(self, name: PurePosixPath, extension: str, data: bytes) -> None:
        self._store.save(name.parent.parts, name.stem, extension, data, number=False, replace=True)

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
