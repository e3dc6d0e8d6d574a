"""The guided model of one pass: prompt parts, negative prompt, guidance, and what the mask keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapters.backends.shared.guidance import Guidance, combined, combined_edit
from adapters.backends.torch.conditioning import ImageConditioning
from adapters.backends.torch.flow.renorm import renormed
from adapters.backends.torch.hook_drafts import Role, TorchMoment, TorchResiduals
from adapters.backends.torch.hooks.calls import PassHooks
from adapters.backends.torch.image_input import ImageInput
from adapters.backends.torch.latents import MaskBlend
from adapters.backends.torch.takeover import Network, Place, Takeover
from adapters.backends.torch.transfers import picked
from core.domain.errors import InvalidValue
from core.ports.driven import RunWatch
from core.sampling.scalings import ModelScaling, Scaling
from core.sampling.types import Prediction


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one evaluation: whose latent each has, its text, what is told of it as a whole, whether it sees
    the picture, and what the text is."""

    owners: list[int]
    context: Tensor
    vector: Tensor | None = None
    blind: bool = False
    role: Role = "negative"


@dataclass(frozen=True, slots=True)
class _Moment:
    """One call of the denoiser."""

    x: Tensor
    scaling: Scaling
    call: int
    alone: bool
    scale: float
    told: TorchMoment | None = None


class GuidedDenoiser:
    """A ``Denoiser`` for one pass of one batch.

    :ivar last: the last x0 that was predicted, for previews and for pictures of an interrupted run.
    """

    def __init__(
        self,
        *,
        network: Network,
        scaling: ModelScaling,
        images: Sequence[ImageConditioning],
        guidance: Guidance,
        watch: RunWatch,
        blend: MaskBlend | None = None,
        picture: ImageInput | None = None,
        takeover: Takeover | None = None,
        hooks: PassHooks | None = None,
    ) -> None:
        self._network = network
        self._scaling = scaling
        self._images = images
        self._guidance = guidance
        self._watch = watch
        self._blend = blend
        self._picture = picture
        self._takeover = takeover
        self._hooks = hooks
        self._call = 0
        self.last: Tensor | None = None
        if self._edits and any(len(image.parts) > 1 for image in images):
            expected = "a model that follows instructions takes AND only with image_cfg_scale 1"
            raise InvalidValue("prompt", "AND", expected)

    @property
    def _edits(self) -> bool:
        return self._picture is not None and self._picture.guidance is not None

    def sigma(self, x: Tensor, sigma: float) -> Prediction:
        self._let_take_over(self._scaling.at_sigma(sigma).t)
        scaling = self._scaling.at_sigma(sigma)
        told = self._told(scaling.t, sigma, scaled=True)
        guided, uncond = self._guided(x, scaling, sigma, told)
        guided = self._masked(guided, told)
        if self._hooks is not None and told is not None:
            guided = self._hooks.guided(told, guided, uncond)
        self.last = guided
        return Prediction(guided, uncond)

    def timestep(self, x: Tensor, t: float) -> Prediction:
        self._let_take_over(t)
        alpha = self._scaling.table.alpha_cumprod_at(t)
        told = self._told(t, ((1.0 - alpha) / alpha) ** 0.5, scaled=False)
        x = self._masked(x, told)
        guided, uncond = self._guided(x, self._scaling.at_time(t), t, told)
        if self._hooks is not None and told is not None:
            guided = self._hooks.guided(told, guided, uncond)
        self.last = (x - guided * (1.0 - alpha) ** 0.5) / alpha**0.5
        return Prediction(guided, uncond)

    def finished(self, drawn: Tensor) -> Tensor:
        """What the pass has drawn, once the sampler is done: what lies outside the mask is laid over it."""
        return self._masked(drawn, None)

    def _masked(self, x: Tensor, told: TorchMoment | None) -> Tensor:
        if self._blend is None:
            return x
        return self._blend.keep(x) if self._hooks is None else self._hooks.blended(told, self._blend, x)

    def _told(self, time: float, sigma: float, scaled: bool) -> TorchMoment | None:
        """What plugins are told of this call, if there are any."""
        if self._hooks is None:
            return None
        return TorchMoment(call=self._call, time=time, sigma=sigma, scaled=scaled)

    def _let_take_over(self, time: float) -> None:
        if self._takeover is not None and self._takeover.is_due(self._call, time):
            self._network, self._scaling, self._images = self._takeover.begin()
            self._takeover = None

    def _guided(
        self, x: Tensor, scaling: Scaling, level: float, told: TorchMoment | None
    ) -> tuple[Tensor, Tensor]:
        self._watch.check()
        call, self._call = self._call, self._call + 1
        early = self._guidance.early(call)
        alone = early or (self._guidance.low(call, level) and not self._edits)
        moment = _Moment(x, scaling, call, alone, 1.0 if early else self._guidance.scale, told)
        everyone = list(range(len(self._images)))
        groups = [[i] for i in everyone] if self._mixed_lengths(call) else [everyone]
        pairs = [pair for group in groups for pair in self._group(moment, group)]
        return torch.cat([guided for guided, _ in pairs]), torch.cat([uncond for _, uncond in pairs])

    def _mixed_lengths(self, call: int) -> bool:
        """Pictures whose prompts differ in length are evaluated apart, so that none depends on its
        neighbours."""
        lengths = {(image.conds(call)[0][0].shape[0], image.uncond(call).shape[0]) for image in self._images}
        return len(lengths) > 1

    def _group(self, moment: _Moment, images: list[int]) -> list[tuple[Tensor, Tensor]]:
        """The guided and the unconditional prediction of each of ``images``."""
        conds = [self._images[i].conds(moment.call) for i in images]
        owners = [i for i, parts in zip(images, conds, strict=True) for _ in parts]
        told = _stacked([one for i in images for one in self._images[i].vectors(moment.call)])
        wanted = [
            _Rows(owners, torch.stack([cond for parts in conds for cond, _ in parts]), told, role="prompt")
        ]
        if not moment.alone:
            negatives = torch.stack([self._images[i].uncond(moment.call) for i in images])
            told = _stacked([self._images[i].negative.vector_at(moment.call) for i in images])
            wanted += [_Rows(images, negatives, told, blind=self._edits)]
            wanted += [_Rows(images, negatives, told, role="picture")] if self._edits else []
        own, *others = self._predict(moment, wanted)
        found, at = [], 0
        for i, parts in enumerate(conds):
            rows = own[at : at + len(parts)]
            at += len(parts)
            unconds = [other[i : i + 1] for other in others]
            guided = self._combined(rows, [w for _, w in parts], unconds, moment.scale)
            if self._guidance.renormed and unconds:
                guided = renormed(moment.x[images[i] : images[i] + 1], guided, rows[:1])
            found.append((guided, rows, unconds))
        return [(guided, unconds[0] if unconds else rows[:1]) for guided, rows, unconds in found]

    def _combined(self, conds: Tensor, weights: list[float], unconds: list[Tensor], scale: float) -> Tensor:
        if self._picture is not None and self._picture.guidance is not None and unconds:
            uncond, with_picture = unconds
            return combined_edit(conds, with_picture, uncond, scale, self._picture.guidance)
        return combined(conds, weights, unconds[0] if unconds else None, scale)

    def _predict(self, moment: _Moment, wanted: list[_Rows]) -> list[Tensor]:
        """x0 (or epsilon) for each set of rows: in one evaluation if the texts are of one length, else the
        prompts and the negatives apart."""
        if len({rows.context.shape[1] for rows in wanted}) == 1:
            return self._run(moment, wanted)
        return self._run(moment, wanted[:1]) + self._run(moment, wanted[1:])

    def _run(self, moment: _Moment, sets: list[_Rows]) -> list[Tensor]:
        scaling, owners = moment.scaling, [i for rows in sets for i in rows.owners]
        x, context = picked(moment.x, owners), torch.cat([rows.context for rows in sets])
        vectors = [rows.vector for rows in sets if rows.vector is not None]
        vector = torch.cat(vectors) if vectors else None
        seen = None if self._picture is None else self._seen(self._picture.channels, sets)
        place = Place(moment.call, tuple((tuple(rows.owners), rows.role) for rows in sets))
        if self._hooks is None or moment.told is None:
            predicted = self._evaluated(scaling, place, x, context, vector, seen)
        else:
            roles = [rows.role for rows in sets for _ in rows.owners]
            draft = self._hooks.before(moment.told, owners, roles, x, context, vector, seen)
            with self._hooks.answering(draft.residuals):
                predicted = self._evaluated(
                    scaling, place, draft.x, draft.context, draft.vector, draft.picture, draft.residuals
                )
            predicted = self._hooks.after(draft, predicted)
        return list(torch.split(predicted, [len(rows.owners) for rows in sets]))

    def _evaluated(
        self,
        scaling: Scaling,
        place: Place,
        x: Tensor,
        context: Tensor,
        vector: Tensor | None,
        seen: Tensor | None,
        residuals: TorchResiduals | None = None,
    ) -> Tensor:
        given = x * scaling.c_in
        if seen is not None:
            given = torch.cat([given, seen], dim=1)
        answer = self._network(given, scaling.t, context, vector, residuals, place)
        return x * scaling.c_skip + answer * scaling.c_out

    def _seen(self, channels: Tensor, sets: list[_Rows]) -> Tensor:
        parts = [picked(channels, rows.owners) for rows in sets]
        return torch.cat([part * 0.0 if rows.blind else part for part, rows in zip(parts, sets, strict=True)])


def _stacked(vectors: Sequence[Tensor | None]) -> Tensor | None:
    told = [vector for vector in vectors if vector is not None]
    return torch.stack(told) if told else None
