"""Networks that mend faces, one upright face at a time. Where they come from is not known here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.engine.heeding import heeding
from adapters.backends.torch.face_pictures import cut_out, put_back
from core.domain.faces import Similarity
from core.domain.image import RasterImage
from core.ports.driven import RunWatch


class FaceNetwork(Protocol):
    """(1, 3, 512, 512) in 0..1 to the same, on any device. ``weight`` is CodeFormer's."""

    def __call__(self, pixels: Tensor, weight: float) -> Tensor: ...


def mended(
    network: FaceNetwork, image: RasterImage, places: Sequence[Similarity], weight: float, watch: RunWatch
) -> RasterImage:
    """``image`` with the face at each place mended, a step each. Transparency stays."""
    sent = Image.frombytes(image.mode, image.size, image.pixels)
    picture = sent.convert("RGB")
    for done, place in enumerate(places, start=1):
        watch.check()
        with heeding(watch.check), NETWORKS.calling(), torch.inference_mode():
            drawn = network(_tensor(cut_out(picture, place)), weight)
        put_back(picture, _picture(drawn), place)
        watch.step(done)
    if image.mode == "RGBA":
        picture.putalpha(sent.getchannel("A"))
    return RasterImage(image.width, image.height, image.mode, picture.convert(image.mode).tobytes())


def _tensor(face: Image.Image) -> Tensor:
    values = np.asarray(face, dtype=np.float32) / 255.0
    return torch.from_numpy(np.moveaxis(values, 2, 0)[None].copy())


def _picture(pixels: Tensor) -> Image.Image:
    rows = (pixels[0].float().cpu().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(np.ascontiguousarray(rows))
