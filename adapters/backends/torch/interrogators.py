"""Captions by BLIP from a folder on disk. Importing this module imports neither torch nor transformers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.domain.errors import InvalidValue, ModelError
from core.domain.image import RasterImage
from core.domain.options import OptionValues
from core.ports.driven import RunWatch

if TYPE_CHECKING:
    from adapters.backends.torch.captions import Captioner

CLIP: Final = "clip"
"""The reference's name for captions by BLIP; the word lists that it adds come with no public weights."""
DEEPDANBOORU: Final = "deepdanbooru"
FOLDERS: Final = ("BLIP", "clip-interrogator")
PACKAGES: Final = ("torch", "transformers", "safetensors")


class BlipInterrogators:
    """``Interrogators``: ``clip`` from a folder of transformers; ``deepdanbooru`` is known, never here.

    :param device: as in the setting ``backend.device``.
    """

    def __init__(self, models_dir: Path, device: str) -> None:
        self._models_dir = models_dir
        self._device = device
        self._lock = threading.Lock()
        self._loaded: tuple[Path, Captioner] | None = None

    def names(self) -> Sequence[str]:
        return CLIP, DEEPDANBOORU

    def missing(self, name: str) -> str | None:
        if name != CLIP:
            return "its weights are published as a pickle only, which is never opened; use clip"
        lacking = [package for package in PACKAGES if find_spec(package) is None]
        if lacking:
            return f"{', '.join(lacking)} not installed; pip install 'serena[torch]'"
        if self._folder() is None:
            return "put a BLIP captioning model of transformers (config.json, *.safetensors) into models/BLIP"
        return None

    def describe(self, name: str, image: RasterImage, options: OptionValues, watch: RunWatch) -> str:
        folder, reason = self._folder(), self.missing(name)
        if name not in self.names():
            raise InvalidValue("model", name, f"it must be one of {', '.join(self.names())}")
        if reason is not None or folder is None:
            raise ModelError(f"{name!r} cannot be used: {reason}")
        from adapters.backends.torch.captions import CaptionLimits

        limits = CaptionLimits(
            beams=max(1, int(options.number("interrogate_clip_num_beams"))),
            shortest=max(0, int(options.number("interrogate_clip_min_length"))),
            longest=max(1, int(options.number("interrogate_clip_max_length"))),
        )
        return self._captioner(folder).caption(image, limits, watch)

    def _folder(self) -> Path | None:
        """The first folder with a model in it, or one level deeper."""
        for base in (self._models_dir / name for name in FOLDERS):
            found = sorted((*base.glob("config.json"), *base.glob("*/config.json")))
            if found:
                return found[0].parent
        return None

    def _captioner(self, folder: Path) -> Captioner:
        with self._lock:
            if self._loaded is None or self._loaded[0] != folder:
                from adapters.backends.torch.captions import load_captioner

                self._loaded = None
                self._loaded = folder, load_captioner(folder, self._device)
            return self._loaded[1]
