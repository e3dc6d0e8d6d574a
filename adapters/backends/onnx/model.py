"""An exported checkpoint in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from adapters.backends.onnx.arrays import Floats
from adapters.backends.onnx.layout import Export, read_export
from adapters.backends.onnx.sessions import (
    Network,
    Provider,
    check_dtype,
    choose_providers,
    session_options,
)
from adapters.backends.onnx.text import ExportTokenizer, PromptEncoder
from adapters.settings import BackendSettings
from core.domain.errors import BackendError, ModelError
from core.domain.model import ModelRef


class OnnxModel:
    """Everything is float32. Several threads may ask at once.

    :ivar encoder: keeps what it encoded.
    """

    def __init__(self, export: Export, options: Any, providers: Sequence[Provider]) -> None:
        def network(name: str) -> Network:
            return Network(export.folder / f"{name}.onnx", options, providers)

        self.export = export
        self.encoder = PromptEncoder(_tokenizer(export), network("text_encoder"))
        self._unet = network("unet")
        self._encode, self._decode = network("vae_encoder"), network("vae_decoder")

    def predict(self, x: Floats, t: float, context: Floats) -> Floats:
        """What the UNet answers, a row for a row."""
        return self._unet(x=x, time=np.full(x.shape[0], t, np.float32), context=context)

    def encode(self, pixels: Floats) -> Floats:
        """Latents of (pictures, 3, height, width) in 0..1: the mean of the posterior, a picture at a time."""
        means = [self._encode(pixels=row[None] * 2.0 - 1.0) for row in pixels]
        return (np.concatenate(means) - self.export.latent_shift) * self.export.latent_scale

    def decode(self, latents: Floats) -> Floats:
        """(pictures, 3, height, width) in 0..1, a picture at a time."""
        scaled = latents / self.export.latent_scale + self.export.latent_shift
        pixels = np.concatenate([self._decode(latent=row[None]) for row in scaled])
        if not np.isfinite(pixels).all():
            raise BackendError("the picture came out as NaN; export the checkpoint anew")
        shown: Floats = np.clip((pixels + 1.0) / 2.0, 0.0, 1.0)
        return shown


def load_model(ref: ModelRef, models: Path, settings: BackendSettings) -> OnnxModel:
    """Raises ``ModelError``, and ``SettingsError`` for a device or number format that cannot be had."""
    check_dtype(settings.dtype)
    providers = choose_providers(settings.device, onnxruntime.get_available_providers())
    return OnnxModel(read_export(models, ref), session_options(settings), providers)


def _tokenizer(export: Export) -> ExportTokenizer:
    path = export.folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise ModelError(f"{path} cannot be loaded: {error}") from error
    return ExportTokenizer(tokenizer, export)
