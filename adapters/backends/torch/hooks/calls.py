"""Calls the hooks on tensors of one pass, and checks what plugins left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from torch import OutOfMemoryError, Tensor

from adapters.backends.spec import ShippedHooks
from adapters.backends.torch.hook_drafts import (
    Role,
    TorchBlendDraft,
    TorchGuidedDraft,
    TorchMoment,
    TorchNoiseDraft,
    TorchPass,
    TorchPassDraft,
    TorchPredictedDraft,
    TorchResiduals,
    TorchRowsDraft,
    TorchSampledDraft,
)
from adapters.backends.torch.hooks.attention import attention_layers, with_processors
from adapters.backends.torch.latents import MaskBlend
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.speed.passes import PLAIN
from core.domain.errors import SerenaError

HOOKS = (
    "serena_torch_pass",
    "serena_torch_noise",
    "serena_torch_before_denoise",
    "serena_torch_after_denoise",
    "serena_torch_mask_blend",
    "serena_torch_after_cfg",
    "serena_torch_sampled",
)

Begun: TypeAlias = tuple[LoadedModel, bool]
"""The model that a pass draws with, and whether it is drawn alone."""


class Unhooked:
    """A pass whose hooks nobody implements."""

    @property
    def in_denoiser(self) -> PassHooks | None:
        return None

    def begin(self, model: LoadedModel) -> Begun:
        return model, False

    def first(self, noise: Tensor) -> Tensor:
        """What a pass starts from that has no latent."""
        return noise

    def start(self, noise: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        return noise, latent

    def sampled(self, latent: Tensor) -> Tensor:
        return latent


class PassHooks(Unhooked):
    """The hooks of one pass.

    A plugin that leaves what cannot be used ends the run with an error that names it.
    """

    def __init__(self, hooks: ShippedHooks, run: TorchPass) -> None:
        self._hooks = hooks
        self._run = run
        self._wanted = wanted_hooks(hooks)
        self._processed = False

    @property
    def in_denoiser(self) -> PassHooks | None:
        return self

    @contextmanager
    def answering(self, residuals: TorchResiduals | None) -> Iterator[None]:
        """While the network answers: where a plugin put something into it, its errors name the plugin."""
        try:
            yield
        except (SerenaError, OutOfMemoryError):
            raise
        except Exception as error:
            if residuals is None and not self._processed:
                raise
            put = "serena_torch_pass" if residuals is None else "serena_torch_before_denoise"
            raise self._hooks.error(put, error) from error

    def begin(self, model: LoadedModel) -> Begun:
        name = "serena_torch_pass"
        if name not in self._wanted:
            return model, False
        draft = TorchPassDraft(run=self._run, layers=attention_layers(model.unet))
        self._hooks.call(name, draft=draft)
        if not draft.attention:
            return model, draft.alone
        self._processed = True
        try:
            # Of this run alone: it is not worth a quicker form.
            return replace(model, unet=with_processors(model.unet, draft.attention), passes=PLAIN), True
        except ValueError as error:
            raise self._hooks.error(name, error) from None

    def first(self, noise: Tensor) -> Tensor:
        return self._noise(noise, None).noise

    def start(self, noise: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        draft = self._noise(noise, latent)
        assert draft.latent is not None
        return draft.noise, draft.latent

    def _noise(self, noise: Tensor, latent: Tensor | None) -> TorchNoiseDraft:
        name, draft = "serena_torch_noise", TorchNoiseDraft(run=self._run, noise=noise, latent=latent)
        if name in self._wanted:
            self._hooks.call(name, draft=draft)
            self._check(name, "noise", draft.noise, noise)
            self._check(name, "latent", draft.latent, latent)
        return draft

    def before(
        self,
        moment: TorchMoment,
        owners: Sequence[int],
        roles: Sequence[Role],
        x: Tensor,
        context: Tensor,
        vector: Tensor | None,
        picture: Tensor | None,
    ) -> TorchRowsDraft:
        name = "serena_torch_before_denoise"
        draft = TorchRowsDraft(
            run=self._run,
            moment=moment,
            owners=tuple(owners),
            roles=tuple(roles),
            x=x,
            context=context,
            vector=vector,
            picture=picture,
        )
        if name in self._wanted:
            self._hooks.call(name, draft=draft)
            self._check(name, "x", draft.x, x)
            self._check(name, "vector", draft.vector, vector)
            self._check(name, "picture", draft.picture, picture)
            self._check(name, "context", draft.context, context, free=1)
            self._check_residuals(name, draft.residuals, len(owners))
        return draft

    def after(self, rows: TorchRowsDraft, predicted: Tensor) -> Tensor:
        name = "serena_torch_after_denoise"
        if name not in self._wanted:
            return predicted
        draft = TorchPredictedDraft(
            run=self._run, moment=rows.moment, owners=rows.owners, roles=rows.roles, predicted=predicted
        )
        self._hooks.call(name, draft=draft)
        self._check(name, "predicted", draft.predicted, predicted)
        return draft.predicted

    def guided(self, moment: TorchMoment, guided: Tensor, uncond: Tensor) -> Tensor:
        name = "serena_torch_after_cfg"
        if name not in self._wanted:
            return guided
        draft = TorchGuidedDraft(run=self._run, moment=moment, guided=guided, uncond=uncond)
        self._hooks.call(name, draft=draft)
        self._check(name, "guided", draft.guided, guided)
        return draft.guided

    def blended(self, moment: TorchMoment | None, blend: MaskBlend, latent: Tensor) -> Tensor:
        name, blended = "serena_torch_mask_blend", blend.keep(latent)
        if name not in self._wanted:
            return blended
        draft = TorchBlendDraft(
            run=self._run,
            moment=moment,
            latent=latent,
            original=blend.original,
            mask=blend.mask,
            blended=blended,
        )
        self._hooks.call(name, draft=draft)
        self._check(name, "blended", draft.blended, blended)
        return draft.blended

    def sampled(self, latent: Tensor) -> Tensor:
        name = "serena_torch_sampled"
        if name not in self._wanted:
            return latent
        draft = TorchSampledDraft(run=self._run, latent=latent)
        self._hooks.call(name, draft=draft)
        self._check(name, "latent", draft.latent, latent)
        return draft.latent

    def _check(self, hook: str, what: str, found: Any, was: Tensor | None, free: int | None = None) -> None:
        """The same kind of tensor; :param free: along this side it may have any length."""
        if found is was:
            return
        if was is None:
            raise self._hooks.error(hook, ValueError(f"draft.{what} is None here and stays so"))
        if not isinstance(found, Tensor):
            raise self._hooks.error(hook, TypeError(f"draft.{what} is {type(found).__name__}, not a tensor"))
        shape = [1 if side == free else size for side, size in enumerate(found.shape)]
        wanted = [1 if side == free else size for side, size in enumerate(was.shape)]
        if (shape, found.dtype, found.device) != (wanted, was.dtype, was.device):
            raise self._hooks.error(
                hook, ValueError(f"draft.{what} is {_kind(found)} and must be as it was: {_kind(was)}")
            )

    def _check_residuals(self, name: str, residuals: TorchResiduals | None, rows: int) -> None:
        if residuals is None:
            return
        try:
            counts = {int(one.shape[0]) for one in (*residuals.down, residuals.mid)}
        except (AttributeError, IndexError, TypeError):
            told = "draft.residuals is no TorchResiduals of tensors with a row for each"
            raise self._hooks.error(name, TypeError(told)) from None
        if counts != {rows}:
            told = f"draft.residuals have {sorted(counts)} rows; they need one for each of the {rows}"
            raise self._hooks.error(name, ValueError(told))


def wanted_hooks(hooks: ShippedHooks) -> frozenset[str]:
    """Those of the hooks on tensors that a plugin implements."""
    return frozenset(name for name in HOOKS if hooks.implemented(name))


def _kind(tensor: Tensor) -> str:
    sides = "x".join(map(str, tensor.shape))
    return f"{sides} {tensor.dtype} on {tensor.device}"
