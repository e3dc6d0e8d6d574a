"""A captioning model of transformers, and pictures brought into its form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adapters.backends.torch.devices import choose_device
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.engine.heeding import heeding
from adapters.backends.torch.families.reading import read_network
from adapters.backends.torch.importing import IMPORTING
from adapters.backends.torch.model import quiet_libraries
from core.domain.errors import Interrupted, ModelError
from core.domain.image import RasterImage
from core.ports.driven import RunWatch

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP and BLIP were trained on, as every one of their configurations says."""


@dataclass(frozen=True, slots=True)
class CaptionLimits:
    """In tokens; ``beams`` are the sentences followed at once."""

    beams: int
    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class Captioner:
    """A model in eval mode on its device. Several threads may use it at once."""

    model: Any
    tokenizer: Any
    side: int
    device: torch.device

    def caption(self, image: RasterImage, limits: CaptionLimits, watch: RunWatch) -> str:
        """One sentence for an RGB picture. Each token is a step; an interrupt ends it within one."""
        watch.begin_pass(limits.longest)
        stop = _Stop(watch)
        with heeding(watch.check), NETWORKS.calling(), torch.inference_mode():
            tokens = self.model.generate(
                pixel_values=self._pixels(image),
                num_beams=limits.beams,
                min_length=min(limits.shortest, limits.longest),
                max_length=limits.longest,
                stopping_criteria=[stop],
            )
        if stop.interrupt is not None:
            raise stop.interrupt
        return str(self.tokenizer.decode(tokens[0], skip_special_tokens=True)).strip()

    def _pixels(self, image: RasterImage) -> Tensor:
        picture = Image.frombytes("RGB", image.size, image.pixels)
        resized = picture.resize((self.side, self.side), Image.Resampling.BICUBIC)
        values = np.asarray(resized, dtype=np.float32) / 255.0
        normal = (values - np.asarray(MEAN, np.float32)) / np.asarray(DEVIATION, np.float32)
        return torch.from_numpy(np.moveaxis(normal, 2, 0)[None].copy()).to(self.device)


class _Stop:
    """Asked after each token whether to stop. It keeps the interrupt, which the library would wrap."""

    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch
        self._done = 0
        self.interrupt: Interrupted | None = None

    def __call__(self, input_ids: Tensor, scores: object, **more: object) -> Tensor:
        self._done += 1
        self._watch.step(self._done)
        try:
            self._watch.check()
        except Interrupted as interrupt:
            self.interrupt = interrupt
        ends = self.interrupt is not None
        return torch.full((input_ids.shape[0],), ends, dtype=torch.bool, device=input_ids.device)


def load_captioner(folder: Path, device: str) -> Captioner:
    """Read a BLIP folder of transformers. Nothing is fetched, no pickle is opened. Raises ``ModelError``."""
    with IMPORTING:
        from transformers import AutoTokenizer, BlipForConditionalGeneration, GenerationConfig

    quiet_libraries()
    place = choose_device(device)
    try:
        model = read_network(folder, BlipForConditionalGeneration, torch.float32)
        if (folder / "generation_config.json").is_file():
            model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
        with IMPORTING:  # it finds its class now
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever the libraries raise for a broken folder
        text = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder.name} cannot be loaded as a BLIP captioning model: {text}") from error
    return Captioner(
        model=model.to(place).eval().requires_grad_(False),
        tokenizer=tokenizer,
        side=int(model.config.vision_config.image_size),
        device=place,
    )
