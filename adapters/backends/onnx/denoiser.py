"""The guided model of one pass: prompt parts, negative prompt, guidance, and what the mask keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.backends.onnx.arrays import Floats
from adapters.backends.onnx.conditioning import ImageConditioning
from adapters.backends.onnx.latents import MaskBlend
from adapters.backends.shared.guidance import Guidance, combined
from core.ports.driven import RunWatch
from core.sampling.scalings import ModelScaling, Scaling
from core.sampling.types import Prediction

Predict = Callable[[Floats, float, Floats], Floats]
"""Rows of latents, model time and a text for each row, to what the network answers."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of an evaluation: whose latent it has, and its text."""

    owner: int
    context: Floats


class GuidedDenoiser:
    """A ``Denoiser`` for one pass of one batch.

    :param most_rows: of one evaluation; more are asked one after the other.
    :ivar last: the last x0 that was predicted, for previews and for pictures of an interrupted run.
    """

    def __init__(
        self,
        *,
        predict: Predict,
        scaling: ModelScaling,
        images: Sequence[ImageConditioning],
        guidance: Guidance,
        watch: RunWatch,
        blend: MaskBlend | None = None,
        most_rows: int = 16,
    ) -> None:
        self._predict = predict
        self._scaling = scaling
        self._images = images
        self._guidance = guidance
        self._watch = watch
        self._blend = blend
        self._most_rows = most_rows
        self._call = 0
        self.last: Floats | None = None

    def sigma(self, x: Floats, sigma: float) -> Prediction:
        guided, uncond = self._guided(x, self._scaling.at_sigma(sigma), sigma)
        if self._blend is not None:
            guided = self._blend.keep(guided)
        self.last = guided
        return Prediction(guided, uncond)

    def timestep(self, x: Floats, t: float) -> Prediction:
        if self._blend is not None:
            x = self._blend.keep(x)
        alpha = self._scaling.table.alpha_cumprod_at(t)
        guided, uncond = self._guided(x, self._scaling.at_time(t), t)
        self.last = (x - guided * (1.0 - alpha) ** 0.5) / alpha**0.5
        return Prediction(guided, uncond)

    def _guided(self, x: Floats, scaling: Scaling, level: float) -> tuple[Floats, Floats]:
        self._watch.check()
        call, self._call = self._call, self._call + 1
        early = self._guidance.early(call)
        alone = early or self._guidance.low(call, level)
        scale = 1.0 if early else self._guidance.scale
        conds = [image.conds(call) for image in self._images]
        rows = [_Row(i, cond) for i, parts in enumerate(conds) for cond, _ in parts]
        negatives = [] if alone else [_Row(i, image.uncond(call)) for i, image in enumerate(self._images)]
        answers = self._answers(x, scaling, [*rows, *negatives])
        own, against = answers[: len(rows)], answers[len(rows) :]
        guided, unconds, at = [], [], 0
        for i, parts in enumerate(conds):
            mine, uncond = own[at : at + len(parts)], None if alone else against[i : i + 1]
            at += len(parts)
            guided.append(combined(mine, [weight for _, weight in parts], uncond, scale))
            unconds.append(mine[:1] if uncond is None else uncond)
        return np.concatenate(guided), np.concatenate(unconds)

    def _answers(self, x: Floats, scaling: Scaling, rows: Sequence[_Row]) -> Floats:
        """x0 (or epsilon) for each row. Texts of one length are asked together."""
        given = x[[row.owner for row in rows]]
        answer = np.empty_like(given)
        for tokens in dict.fromkeys(len(row.context) for row in rows):
            places = [i for i, row in enumerate(rows) if len(row.context) == tokens]
            for start in range(0, len(places), self._most_rows):
                part = places[start : start + self._most_rows]
                context = np.stack([rows[i].context for i in part])
                answer[part] = self._predict(given[part] * scaling.c_in, scaling.t, context)
        predicted: Floats = given * scaling.c_skip + answer * scaling.c_out
        return predicted
