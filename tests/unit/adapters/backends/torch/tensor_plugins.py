"""Plugins on tensors for the tests, and an application that has them beside the built-in model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from plugins.hookspecs import hookimpl
from serena import (
    Serena,
    TorchBlendDraft,
    TorchGuidedDraft,
    TorchNoiseDraft,
    TorchPassDraft,
    TorchPredictedDraft,
    TorchResiduals,
    TorchRowsDraft,
    TorchSampledDraft,
)

Act = Callable[[Any], None]


class Board:
    """Implements every hook on tensors, and does in it what was agreed for the seed of the run.

    :ivar acts: what to do, by seed and hook. :ivar heard: the drafts of each seed that is in ``acts``.
    """

    def __init__(self) -> None:
        self.acts: dict[tuple[int, str], Act] = {}
        self.heard: dict[int, list[tuple[str, Any]]] = {}

    def on(self, seed: int, **acts: Act) -> None:
        """Agree on something: the hook without its prefix, and what to do with its draft."""
        self.heard[seed] = []
        self.acts |= {(seed, hook): act for hook, act in acts.items()}

    def _do(self, hook: str, draft: Any) -> None:
        seed = draft.run.seeds[0]
        if seed in self.heard:
            self.heard[seed].append((hook, draft))
        self.acts.get((seed, hook), lambda draft: None)(draft)

    @hookimpl(optionalhook=True)
    def serena_torch_pass(self, draft: TorchPassDraft) -> None:
        self._do("pass", draft)

    @hookimpl(optionalhook=True)
    def serena_torch_noise(self, draft: TorchNoiseDraft) -> None:
        self._do("noise", draft)

    @hookimpl(optionalhook=True)
    def serena_torch_before_denoise(self, draft: TorchRowsDraft) -> None:
        self._do("before_denoise", draft)

    @hookimpl(optionalhook=True)
    def serena_torch_after_denoise(self, draft: TorchPredictedDraft) -> None:
        self._do("after_denoise", draft)

    @hookimpl(optionalhook=True)
    def serena_torch_mask_blend(self, draft: TorchBlendDraft) -> None:
        self._do("mask_blend", draft)

    @hookimpl(optionalhook=True)
    def serena_torch_after_cfg(self, draft: TorchGuidedDraft) -> None:
        self._do("after_cfg", draft)

    @hookimpl(optionalhook=True)
    def serena_torch_sampled(self, draft: TorchSampledDraft) -> None:
        self._do("sampled", draft)


class OneHook:
    """``ShippedHooks`` of which one is implemented.

    :ivar called: how often.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.called = 0

    def implemented(self, name: str) -> bool:
        return name == self._name

    def call(self, name: str, **arguments: Any) -> None:
        assert name == self._name
        self.called += 1

    def error(self, name: str, error: Exception) -> Exception:
        return error


def open_with(data_dir: Path, backend: dict[str, Any], *plugins: tuple[str, object], **rules: Any) -> Serena:
    settings = load_settings(data_dir=data_dir, backend=backend, plugins={"only": [], **rules})
    return Serena(application=bootstrap(settings, plugins=plugins))


class Control:
    """What a ControlNet does: residuals into the UNet, by diffusers' own network."""

    def __init__(self, unet: Any, strength: float) -> None:
        from diffusers import ControlNetModel

        with torch.no_grad():
            self._network = ControlNetModel.from_unet(unet, conditioning_channels=3).eval()
            generator = torch.Generator().manual_seed(3)
            for layer in (*self._network.controlnet_down_blocks, self._network.controlnet_mid_block):
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * strength)

    def __call__(self, draft: TorchRowsDraft) -> None:
        rows = draft.x.shape[0]
        hint = torch.ones(rows, 3, draft.run.latent_height * 8, draft.run.latent_width * 8)
        scaled = draft.x / (draft.moment.sigma**2 + 1.0) ** 0.5
        down, mid = self._network(
            scaled, draft.moment.time, draft.context, controlnet_cond=hint, return_dict=False
        )
        draft.residuals = TorchResiduals(down=tuple(down), mid=mid)


class Muted:
    """An attention processor that answers with nothing.

    :ivar rows: of each call, how many it was given.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, layer: Any, hidden: Tensor, *_: Any, **__: Any) -> Tensor:
        self.rows.append(hidden.shape[0])
        return hidden * 0.0
