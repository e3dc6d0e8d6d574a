"""The weights of the VAEs that are no ``AutoencoderKL``, under the names that diffusers gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.families.file_reader import complete
from adapters.backends.torch.families.state import State
from adapters.backends.torch.importing import IMPORTING

_OF_VIDEO = "decoder.middle.0.residual.0.gamma"
_OF_PATCHES = "decoder.mid.block_1.conv1.weight"
_BEFORE = {"encoder.quant_conv.": "quant_conv.", "decoder.post_quant_conv.": "post_quant_conv."}
_MEASURED = "bn."
_COUNTED = "bn.num_batches_tracked"


def vae_names(cls: Any, config: Mapping[str, Any], weights: State) -> dict[str, Tensor]:
    """From the layout of their makers, which the weights tell; those of diffusers stay as they are."""
    with IMPORTING:
        from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers

    if _OF_VIDEO in weights:
        return dict(convert_wan_vae_to_diffusers(dict(weights)))
    return _of_patches(cls, config, weights) if _OF_PATCHES in weights else dict(weights)


def _of_patches(cls: Any, config: Mapping[str, Any], weights: State) -> dict[str, Tensor]:
    """Its makers have the first and the last layer of the latents within encoder and decoder."""
    with IMPORTING:
        from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    plain = {_outside(name): x for name, x in weights.items() if not name.startswith(_MEASURED)}
    measured = {name: x for name, x in weights.items() if name.startswith(_MEASURED)}
    # How often it was measured: of use in training alone, and not in every file.
    counted = {_COUNTED: torch.zeros((), dtype=torch.int64)}
    return {**convert_ldm_vae_checkpoint(plain, complete(cls, config)), **counted, **measured}


def _outside(name: str) -> str:
    before = next((prefix for prefix in _BEFORE if name.startswith(prefix)), "")
    return _BEFORE.get(before, "") + name.removeprefix(before)
