"""The hooks that the torch backend ships, for plugins that work on tensors. Importing this imports no torch.

Another backend calls none of them. A plugin that is to load there too says
``@hookimpl(optionalhook=True)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.hookspecs import hookspec

if TYPE_CHECKING:
    from adapters.backends.torch.hook_drafts import (
        TorchBlendDraft,
        TorchGuidedDraft,
        TorchNoiseDraft,
        TorchPassDraft,
        TorchPredictedDraft,
        TorchRowsDraft,
        TorchSampledDraft,
        TorchTextDraft,
    )

PREFIX = "serena_torch_"
"""What every name here begins with."""


@hookspec
def serena_torch_pass(draft: TorchPassDraft) -> None:
    """A sampling pass is about to begin: replace attention processors, or have it drawn alone.

    Called once per pass, two times a batch with hires fix.
    """


@hookspec
def serena_torch_noise(draft: TorchNoiseDraft) -> None:
    """Change the noise that a pass starts from, or the latent that the noise is added to.

    Called once per pass, before the first evaluation.
    """


@hookspec
def serena_torch_text(draft: TorchTextDraft) -> None:
    """Let vectors stand for words of the texts that are about to be encoded.

    Called once per pass, whether or not the texts are known already, and once more when a refiner takes over.
    """


@hookspec
def serena_torch_before_denoise(draft: TorchRowsDraft) -> None:
    """Change what the network is given: latents, texts, residuals into the UNet.

    Called for each evaluation of the network: mostly one a step, with the prompts' and the negatives' rows
    together; more where texts differ in length, and for samplers of a higher order.
    """


@hookspec
def serena_torch_after_denoise(draft: TorchPredictedDraft) -> None:
    """Change what the network predicted, before guidance. Called as often."""


@hookspec
def serena_torch_mask_blend(draft: TorchBlendDraft) -> None:
    """Decide what a masked pass keeps. Called for each call of the denoiser, and once at the end."""


@hookspec
def serena_torch_after_cfg(draft: TorchGuidedDraft) -> None:
    """Change what guidance made of the predictions. Called for each call of the denoiser."""


@hookspec
def serena_torch_sampled(draft: TorchSampledDraft) -> None:
    """Change the latent that a pass has drawn, before it is decoded or enlarged."""
