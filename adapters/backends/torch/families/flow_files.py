"""A flow model in one file, in the key layout of its makers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import torch
from torch import Tensor

from adapters.backends.torch.families.file_reader import FileReader, vae_of
from adapters.backends.torch.families.flow_configs import long_text_shape, shape_of
from adapters.backends.torch.families.flow_kinds import FlowKind, LongText
from adapters.backends.torch.families.flow_parts import (
    check_inputs,
    flow_format,
    long_config,
    long_encoder,
    read_long_encoder,
    still,
    transformer_class,
    vae_class,
)
from adapters.backends.torch.families.flux_names import flux_names
from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.families.parts import Parts
from adapters.backends.torch.families.state import State, filled
from adapters.backends.torch.families.tokenizers import read_long_tokenizer
from adapters.backends.torch.families.vae_names import vae_names
from adapters.backends.torch.importing import IMPORTING
from core.domain.errors import ModelError
from core.domain.flow_families import (
    FLUX,
    KLEIN,
    QWEN_IMAGE,
    SCHNELL,
    SD3,
    VAE_PREFIXES,
    Z_IMAGE,
    FlowFamily,
    TextPart,
)

Renaming: TypeAlias = Callable[[State], dict[str, Tensor]]


def read_flow_file(path: Path, family: FlowFamily, prefix: str, state: State, dtype: torch.dtype) -> Parts:
    """Raises ``ModelError``, or whatever the libraries raise.

    :param prefix: before the names of its transformer.
    """
    own = FAMILIES[family.name]
    assert own.flow is not None
    base = FileReader(path, own, state, flow_format(dtype))
    reader = _FlowFile(base, family, own.flow)
    # What is soon read comes first: it is more often missing than a weight.
    tokenizers = {one.tokenizer: base.tokenizer(one, i) for i, one in enumerate(own.encoders)}
    tokenizers |= reader.long_tokenizer()
    networks = {**base.texts(), **reader.long_encoder(), "vae": reader.vae()}
    networks["unet"] = reader.transformer(prefix)
    return Parts(own, networks, tokenizers, {**own.flow.scheduler, **base.scheduler()})


class _FlowFile:
    def __init__(self, base: FileReader, family: FlowFamily, kind: FlowKind) -> None:
        self._base = base
        self._family = family
        self._kind = kind

    @property
    def _long(self) -> TextPart:
        return next(one for one in self._family.texts if one.part == self._kind.long.part)

    def transformer(self, prefix: str) -> Any:
        cls, weights = transformer_class(self._kind), self._named((prefix,))
        known = [*VAE_PREFIXES, *(one for text in self._family.texts for one in text.prefixes)]
        weights = {name: x for name, x in weights.items() if not name.startswith(tuple(known))}
        config = self._base.config("transformer", shape_of(self._family.name, weights))
        network = filled(
            lambda: cls.from_config(config),
            _RENAMINGS[self._family.name](weights),
            self._base.dtype,
            lambda name: False,
            self._base.words("transformer", "transformer"),
        )
        check_inputs(network, self._family.in_channels, self._base.name)
        return network

    def vae(self) -> Any:
        cls, weights = vae_class(self._kind), self._named(VAE_PREFIXES)
        config = self._base.config("vae", self._kind.vae_config)
        if not weights:
            return still(self._base.own("vae", cls), self._kind)
        words = self._base.words("VAE", "vae")
        if self._kind.vae == "AutoencoderKL":
            return vae_of(weights, config, self._base.dtype, words)
        named = vae_names(cls, config, weights)
        vae = filled(lambda: cls.from_config(config), named, self._base.dtype, lambda name: False, words)
        return still(vae, self._kind)

    def long_encoder(self) -> dict[str, Any]:
        """SD3 does without; another says which folder it would be in."""
        part, kind, beside = self._long.part, self._kind.long.kind, self._base.beside
        weights = self._named(self._long.prefixes)
        if weights:
            config = long_config(kind, self._base.config(part, long_text_shape(kind, weights)))
            words = self._base.words("text encoder", part)
            return {part: long_encoder(kind, config, weights, self._base.dtype, words)}
        if (beside / part).is_dir():
            return {part: read_long_encoder(beside / part, kind, self._base.dtype)}
        if not self._long.needed:
            return {}
        raise ModelError(
            f"{self._base.name} has no {part}, and there is no {beside.name}/{part} beside it: put the "
            f"{'T5' if kind is LongText.T5 else 'Qwen'} text encoder of a diffusers folder of "
            f"{self._family.title} there, and its tokenizer into {beside.name}/{self._long.tokenizer}"
        )

    def long_tokenizer(self) -> dict[str, Any]:
        text, beside = self._long, self._base.beside
        if not text.needed and not self._named(text.prefixes) and not (beside / text.part).is_dir():
            return {}
        shared = beside.parent / text.tokenizer
        folder = (
            shared if shared.is_dir() and not (beside / text.tokenizer).is_dir() else beside / text.tokenizer
        )
        return {text.tokenizer: read_long_tokenizer(folder)}

    def _named(self, prefixes: tuple[str, ...]) -> dict[str, Tensor]:
        """The weights that begin so, without it."""
        found = {}
        for name, weight in self._base.state.items():
            prefix = next((one for one in prefixes if name.startswith(one)), None)
            if prefix is not None:
                found[name.removeprefix(prefix)] = weight
        return found


def _by_diffusers(converter: str) -> Renaming:
    def rename(weights: State) -> dict[str, Tensor]:
        with IMPORTING:
            from diffusers.loaders import single_file_utils
        return dict(getattr(single_file_utils, converter)(dict(weights)))

    return rename


_RENAMINGS: Mapping[str, Renaming] = MappingProxyType(
    {
        SD3: _by_diffusers("convert_sd3_transformer_checkpoint_to_diffusers"),
        FLUX: flux_names,
        SCHNELL: flux_names,
        QWEN_IMAGE: dict,  # has the names of diffusers already
        Z_IMAGE: _by_diffusers("convert_z_image_transformer_checkpoint_to_diffusers"),
        KLEIN: _by_diffusers("convert_flux2_transformer_checkpoint_to_diffusers"),
    }
)
"""From the names of the makers to those of diffusers."""
