"""Texts of one length are asked together, and not too many at once."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.backends.onnx.arrays import Floats, NumpyOps
from adapters.backends.onnx.conditioning import ImageConditioning, Part
from adapters.backends.onnx.denoiser import GuidedDenoiser
from adapters.backends.shared.guidance import Guidance
from core.prompt.plan import PlanPart, ScheduledText
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.scalings import ModelScaling, PredictionType

SCALING = ModelScaling(ModelSigmas.scaled_linear(), PredictionType.SAMPLE)
X = np.ones((2, 4, 2, 2), np.float32)


class Watch:
    def begin_pass(self, steps: int) -> None: ...

    def step(self, done: int, preview: object = None) -> None: ...

    def check(self) -> None: ...


class Network:
    """Answers with the mean of each row's text, and notes how many rows of which length it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, x: Floats, t: float, context: Floats) -> Floats:
        self.asked.append((len(x), context.shape[1]))
        return np.ones_like(x) * context.mean(axis=(1, 2))[:, None, None, None]


def part(value: float, tokens: int, weight: float = 1.0) -> Part:
    schedule = ScheduledText(((20, ""),))
    return Part(weight, PlanPart(weight, schedule), (np.full((tokens, 3), value, np.float32),))


def denoiser(
    network: Network, images: list[ImageConditioning], most_rows: int = 16, **guidance: float
) -> GuidedDenoiser:
    told = {"scale": 3.0, "min_sigma": 0.0, "min_sigma_all": False, "skip_early": 0.0, "total_calls": 10}
    return GuidedDenoiser(
        predict=network,
        scaling=SCALING,
        images=images,
        guidance=Guidance(**{**told, **guidance}),  # type: ignore[arg-type]
        watch=Watch(),
        most_rows=most_rows,
    )


def test_lengths_and_parts() -> None:
    network = Network()
    images = [
        ImageConditioning((part(2.0, 77), part(4.0, 77, 0.5)), part(1.0, 77)),
        ImageConditioning((part(3.0, 154),), part(0.0, 77)),
    ]
    found = denoiser(network, images).sigma(X, 1.0)
    assert network.asked == [(4, 77), (1, 154)]
    assert found.guided[:, 0, 0, 0] == pytest.approx([1 + 3 * 1 + 1.5 * 3, 9.0])
    assert found.uncond[:, 0, 0, 0] == pytest.approx([1.0, 0.0])


def test_no_more_rows_at_once_than_allowed() -> None:
    network = Network()
    images = [ImageConditioning((part(2.0, 77),), part(1.0, 77))] * 2
    found = denoiser(network, images, most_rows=3).sigma(X, 1.0)
    assert network.asked == [(3, 77), (1, 77)]
    assert found.guided[:, 0, 0, 0] == pytest.approx([4.0, 4.0])


@pytest.mark.parametrize("guidance", [{"skip_early": 0.5}, {"min_sigma": 2.0, "min_sigma_all": True}])
def test_without_the_negative_prompt(guidance: dict[str, float]) -> None:
    network = Network()
    images = [ImageConditioning((part(2.0, 77),), part(1.0, 77))] * 2
    found = denoiser(network, images, **guidance).sigma(X, 1.0)
    assert network.asked == [(2, 77)]
    assert found.guided[:, 0, 0, 0] == pytest.approx([2.0, 2.0])
    assert found.uncond is not None


def test_the_measure_of_the_adaptive_sampler() -> None:
    low, high = X, X * np.float32(1.5)
    assert NumpyOps().error_norm(low, high, low, 0.1, 1.0) == pytest.approx(0.5)
