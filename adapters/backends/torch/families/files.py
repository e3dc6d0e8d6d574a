"""A checkpoint in one file, in the key layout of its makers."""

from __future__ import annotations

from pathlib import Path

import torch

from adapters.backends.torch.families.file_reader import FileReader
from adapters.backends.torch.families.flow_files import read_flow_file
from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.families.parts import Parts
from core.domain.families import recognise
from core.domain.flow_families import flow_family_of


def read_file(path: Path, prediction: str | None, dtype: torch.dtype) -> Parts:
    """Configurations come from the folder beside it (``name/`` for ``name.safetensors``) or from the package;
    nothing is fetched. Raises ``ModelError``, or whatever the libraries raise."""
    from safetensors.torch import load_file

    state = load_file(path)
    shapes = {name: tuple(x.shape) for name, x in state.items()}
    kind = recognise(shapes, {}, prediction)
    if (flow := flow_family_of(shapes)) is not None:
        return read_flow_file(path, *flow, state, dtype)
    reader = FileReader(path, FAMILIES[kind.family], state, dtype)
    return Parts(
        reader.family,
        {"unet": reader.unet(), "vae": reader.vae(), **reader.texts()},
        {one.tokenizer: reader.tokenizer(one, i) for i, one in enumerate(reader.family.encoders)},
        {
            "rescale_betas_zero_snr": "ztsnr" in state,
            **reader.scheduler(),
            "prediction_type": kind.prediction,
        },
    )
