"""The parts of a checkpoint in one file: UNet, VAE, text encoders, and what lies beside it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.families.configs import TEXTS, UNETS, VAE
from adapters.backends.torch.families.kinds import EncoderKind, FamilyKind
from adapters.backends.torch.families.parts import network_class, read_json
from adapters.backends.torch.families.reading import read_network
from adapters.backends.torch.families.state import State, empty, filled
from adapters.backends.torch.families.tokenizers import clip_tokenizer, read_tokenizer
from adapters.backends.torch.importing import IMPORTING
from core.domain.errors import ModelError
from core.domain.families import FIRST_LAYER, TITLES, UNET, VAE_PREFIX

GUIDED = UNET + "time_embed.cond_proj.weight"
"""Of a UNet that is told the guidance scale, as those of latent consistency models are."""
_CLIP_WORDS = 49408
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")
_PROJECTION = "text_projection.weight"
_OF_VAE = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")


class FileReader:
    """Reads the parts of one file.

    :ivar beside: the folder of the same name, which says more of it.
    """

    def __init__(self, path: Path, family: FamilyKind, state: State, dtype: torch.dtype) -> None:
        self.beside = path.with_suffix("")
        self.name = path.name
        self.family = family
        self.state = state
        self.dtype = dtype

    def unet(self) -> Any:
        with IMPORTING:
            from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

        cls = network_class("unet", self.family)
        channels = int(self.state[FIRST_LAYER].shape[1])
        plain = {**UNETS[self.family.name], "in_channels": channels, "out_channels": 4}
        guided = self.state.get(GUIDED)
        if guided is not None:
            plain["time_cond_proj_dim"] = guided.shape[1]
        config = self.config("unet", plain)
        weights = {name: x for name, x in self.state.items() if name.startswith(UNET)}
        converted = convert_ldm_unet_checkpoint(weights, complete(cls, config))
        return filled(
            lambda: cls.from_config(config),
            converted if guided is None else {**converted, "time_embedding.cond_proj.weight": guided},
            self.dtype,
            lambda name: False,
            self.words("UNet", "unet"),
        )

    def vae(self) -> Any:
        cls = network_class("vae", self.family)
        config = self.config("vae", {**VAE, "scaling_factor": self.family.scaling})
        weights = {name: x for name, x in self.state.items() if name.startswith(VAE_PREFIX)}
        if not weights:
            return self.own("vae", cls)
        return vae_of(weights, config, self.dtype, self.words("VAE", "vae"))

    def texts(self) -> dict[str, Any]:
        configs = TEXTS[self.family.name]
        return {
            one.part: self._text(one, config)
            for one, config in zip(self.family.encoders, configs, strict=True)
        }

    def _text(self, one: EncoderKind, plain: Mapping[str, Any]) -> Any:
        cls = network_class(one.part, self.family)
        weights = {name: x for name, x in self.state.items() if name.startswith(one.prefix)}
        if not weights:
            return self.own(one.part, cls)
        config = cls.config_class(**self.config(one.part, plain))
        network = _Empty(cls, config)
        named = network.named(_text_weights(one, weights, network))
        if not one.tells_projection and _PROJECTION not in named:
            named[_PROJECTION] = torch.eye(int(config.projection_dim), int(config.hidden_size))
        return filled(
            lambda: cls(config),
            named,
            self.dtype,
            lambda name: _spare(name, config.num_hidden_layers),
            self.words("text encoder", one.part),
        )

    def tokenizer(self, one: EncoderKind, place: int) -> Any:
        for folder in (self.beside / one.tokenizer, self.beside.parent / one.tokenizer):
            if folder.is_dir():
                return read_tokenizer(folder)
        words = self.config(one.part, TEXTS[self.family.name][place]).get("vocab_size")
        if words != _CLIP_WORDS:
            raise ModelError(
                f"{self.name} knows {words} words, where CLIP has {_CLIP_WORDS}: put the files of its "
                f"tokenizer (vocab.json and merges.txt) into {self.beside.name}/{one.tokenizer} beside it"
            )
        return clip_tokenizer()

    def scheduler(self) -> dict[str, Any]:
        path = self.beside / "scheduler" / "scheduler_config.json"
        return read_json(path) if path.is_file() else {}

    def config(self, part: str, plain: Mapping[str, Any]) -> dict[str, Any]:
        path = self.beside / part / "config.json"
        return read_json(path) if path.is_file() else dict(plain)

    def own(self, part: str, cls: Any) -> Any:
        """A part that the file has not, from the folder beside it."""
        if not (self.beside / part).is_dir():
            raise ModelError(
                f"{self.name} has no {part}, and there is no {self.beside.name}/{part} beside it"
            )
        return read_network(self.beside / part, cls, self.dtype)

    def words(self, what: str, part: str) -> str:
        title, config = TITLES[self.family.name], f"{self.beside.name}/{part}/config.json"
        return (
            f"the {what} of {self.name}, taken for that of {title} ({config} beside it would say otherwise),"
        )


def vae_of(weights: State, config: Mapping[str, Any], dtype: torch.dtype, words: str) -> Any:
    """A VAE from its weights in either layout."""
    with IMPORTING:
        from diffusers import AutoencoderKL
        from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    plain = {name.removeprefix(VAE_PREFIX): x for name, x in weights.items()}
    plain = {name: x for name, x in plain.items() if name.startswith(_OF_VAE)}
    original = any(name.startswith("encoder.down.") for name in plain)
    given = convert_ldm_vae_checkpoint(plain, complete(AutoencoderKL, config)) if original else plain
    return filled(lambda: AutoencoderKL.from_config(config), given, dtype, lambda name: False, words)


def complete(cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """With the defaults of its class, which the conversions look at."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty} | dict(config)


class _Empty:
    """A text encoder without weights: what the conversion of OpenCLIP's names looks at, and how this version
    of the library names its own."""

    def __init__(self, cls: Any, config: Any) -> None:
        self.config = config
        self._wrapped = hasattr(empty(lambda: cls(config)), "text_model")

    def named(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self._wrapped:
            return dict(weights)
        return {name.removeprefix("text_model."): x for name, x in weights.items()}


def _text_weights(one: EncoderKind, weights: State, network: _Empty) -> dict[str, Tensor]:
    with IMPORTING:
        from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    if one.open_clip:
        return dict(convert_open_clip_checkpoint(network, dict(weights), prefix=one.prefix))
    return {name.removeprefix(one.prefix): x for name, x in weights.items()}


def _spare(name: str, layers: int) -> bool:
    """Layers behind the last that is used, and what only training needs."""
    layer = _LAYER.search(name)
    if layer is not None:
        return int(layer[1]) >= layers
    return name.endswith(("position_ids", "logit_scale")) or name.startswith("text_projection")
