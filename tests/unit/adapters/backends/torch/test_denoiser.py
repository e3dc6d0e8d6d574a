"""Guidance by hand: a network that answers with its context, so every term of the sum is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from adapters.backends.torch.conditioning import ImageConditioning, Padding
from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.image_input import ImageInput
from adapters.backends.torch.latents import MaskBlend
from core.domain.errors import Interrupted, InvalidValue
from core.sampling.scalings import ModelScaling, PredictionType
from tests.unit.adapters.backends.torch.rig import (
    SD1,
    LineNetwork,
    Watch,
    conditioning,
    guidance,
    part,
)

SIGMA = 2.0
RED, BLUE, NOTHING = 3.0, 5.0, 1.0


class Bench:
    """A denoiser over ``LineNetwork`` whose x is nothing, so that x0 is ``-sigma`` times the guided answer."""

    def __init__(
        self,
        *images: ImageConditioning,
        prediction: PredictionType = PredictionType.EPSILON,
        watch: Watch | None = None,
        blend: MaskBlend | None = None,
        picture: ImageInput | None = None,
        scale: float = 7.0,
        **numbers: Any,
    ) -> None:
        self.network = LineNetwork()
        self.x = torch.zeros(len(images), 4, 2, 2)
        self.denoiser = GuidedDenoiser(
            network=self.network,
            scaling=ModelScaling(SD1, prediction),
            images=images,
            guidance=guidance(scale, **numbers),
            watch=watch or Watch(),
            blend=blend,
            picture=picture,
        )

    def answers(self, sigma: float = SIGMA) -> list[float]:
        """The guided answer for each picture."""
        guided = self.denoiser.sigma(self.x, sigma).guided
        return [float(row.mean()) / -sigma for row in guided]

    def rows_of(self, levels: Sequence[float]) -> list[int]:
        for level in levels:
            self.denoiser.sigma(self.x, level)
        return self.network.rows


def red(**changes: Any) -> ImageConditioning:
    return replace(conditioning(part(RED), negative=part(NOTHING)), **changes)


def test_one_evaluation_for_prompt_and_negative() -> None:
    bench = Bench(red())
    assert bench.answers() == pytest.approx([NOTHING + 7 * (RED - NOTHING)])
    assert bench.network.rows == [2]
    assert bench.network.times == [pytest.approx(SD1.sigma_to_t(SIGMA))]


def test_the_unconditional_prediction_goes_along() -> None:
    bench = Bench(red())
    uncond = bench.denoiser.sigma(bench.x, SIGMA).uncond
    assert float(uncond.mean()) == pytest.approx(-SIGMA * NOTHING)


def test_parts_with_weights_also_negative_ones() -> None:
    image = conditioning(part(RED, weight=0.7), part(BLUE, weight=-0.5), negative=part(NOTHING))
    bench = Bench(image, red())
    expected = NOTHING + 7 * (0.7 * (RED - NOTHING) - 0.5 * (BLUE - NOTHING))
    assert bench.answers() == pytest.approx([expected, NOTHING + 7 * (RED - NOTHING)])
    assert bench.network.rows == [5]


def test_a_longer_negative_is_evaluated_apart() -> None:
    bench = Bench(conditioning(part(RED), negative=part(NOTHING, tokens=154)))
    assert bench.answers() == pytest.approx([NOTHING + 7 * (RED - NOTHING)])
    assert (bench.network.rows, bench.network.tokens) == ([1, 1], [77, 154])


def test_pictures_of_other_lengths_are_evaluated_apart() -> None:
    bench = Bench(red(), conditioning(part(BLUE, tokens=154), negative=part(NOTHING)))
    assert bench.answers() == pytest.approx([13 + 2, 1 + 7 * 4])
    assert (bench.network.rows, bench.network.tokens) == ([2, 1, 1], [77, 154, 77])


def test_a_shorter_part_repeats_its_last_row() -> None:
    image = conditioning(part(RED), part(BLUE, tokens=154), negative=part(NOTHING))
    Bench(image).answers()
    assert [cond.shape[0] for cond, _ in image.conds(0)] == [154, 154]


class TestPadding:
    EMPTY = torch.full((77, 2), 9.0)

    def test_the_shorter_prompt_gets_empty_chunks(self) -> None:
        image = conditioning(part(RED), negative=part(NOTHING, tokens=231))
        image = replace(image, padding=Padding.EMPTY, empty=self.EMPTY)
        bench = Bench(image)
        mean = (RED + 9.0 + 9.0) / 3
        assert bench.answers() == pytest.approx([NOTHING + 7 * (mean - NOTHING)])
        assert (bench.network.rows, bench.network.tokens) == ([2], [231])

    def test_the_shorter_negative_too(self) -> None:
        image = conditioning(part(RED, tokens=154), negative=part(NOTHING))
        bench = Bench(replace(image, padding=Padding.EMPTY, empty=self.EMPTY))
        assert bench.answers() == pytest.approx([5 + 7 * (RED - 5)])
        assert bench.network.rows == [2]

    @pytest.mark.parametrize("tokens", [77, 231])
    def test_the_old_way_fits_the_negative(self, tokens: int) -> None:
        image = conditioning(part(RED, tokens=154), negative=part(NOTHING, tokens=tokens))
        bench = Bench(replace(image, padding=Padding.LAST))
        assert bench.answers() == pytest.approx([NOTHING + 7 * (RED - NOTHING)])
        assert (bench.network.rows, bench.network.tokens) == ([2], [154])


class TestLeavingOut:
    def test_below_the_minimum_sigma_at_odd_calls(self) -> None:
        assert Bench(red(), min_sigma=3.0).rows_of([4, 4, 2, 2, 2, 2]) == [2, 2, 2, 1, 2, 1]

    def test_below_the_minimum_sigma_at_all_calls(self) -> None:
        assert Bench(red(), min_sigma=3.0, min_sigma_all=True).rows_of([4, 2, 2]) == [2, 1, 1]

    def test_the_prompt_alone_is_the_answer_then(self) -> None:
        assert Bench(red(), min_sigma=3.0, min_sigma_all=True).answers() == pytest.approx([RED])

    def test_timestep_samplers_compare_the_time(self) -> None:
        """As the reference does, so that it hardly ever applies to them."""
        bench = Bench(red(), min_sigma=15.0, min_sigma_all=True)
        for time in (901.0, 101.0, 11.0):
            bench.denoiser.timestep(bench.x, time)
        assert bench.network.rows == [2, 2, 1]

    def test_early_calls_without_guidance(self) -> None:
        bench = Bench(red(), skip_early=0.2, total_calls=10)
        assert bench.answers() == pytest.approx([RED])
        assert bench.rows_of([2] * 4) == [1, 1, 1, 2, 2]

    def test_parts_are_summed_around_the_first(self) -> None:
        image = conditioning(part(RED), part(BLUE, weight=0.5), negative=part(NOTHING))
        assert Bench(image, skip_early=1.0).answers() == pytest.approx([RED + 0.5 * (BLUE - RED)])


class TestParameterisation:
    @pytest.mark.parametrize("sigma", [0.1, 2.0, 14.0])
    def test_v(self, sigma: float) -> None:
        bench = Bench(red(), prediction=PredictionType.V, scale=1.0)
        bench.x = torch.full((1, 4, 2, 2), 3.0)
        expected = 3.0 / (sigma**2 + 1) - RED * sigma / (sigma**2 + 1) ** 0.5
        assert float(bench.denoiser.sigma(bench.x, sigma).guided.mean()) == pytest.approx(expected, rel=1e-5)

    def test_x0(self) -> None:
        bench = Bench(red(), prediction=PredictionType.SAMPLE, scale=1.0)
        assert float(bench.denoiser.sigma(bench.x + 8.0, SIGMA).guided.mean()) == pytest.approx(RED)

    @pytest.mark.parametrize("prediction", list(PredictionType)[:3])
    def test_both_forms_agree(self, prediction: PredictionType) -> None:
        """x0 of the timestep form, at the same point, is x0 of the sigma form."""
        time = 500.0
        alpha = SD1.alpha_cumprod_at(time)
        sigma = ((1 - alpha) / alpha) ** 0.5
        bench = Bench(red(), prediction=prediction)
        x = torch.full((1, 4, 2, 2), 1.5)
        bench.denoiser.timestep(x * alpha**0.5, time)
        assert bench.denoiser.last is not None
        of_time = float(bench.denoiser.last.mean())
        assert float(bench.denoiser.sigma(x, sigma).guided.mean()) == pytest.approx(of_time, rel=1e-4)

    def test_zero_terminal_snr_starts_at_pure_noise(self) -> None:
        """Nearly all of x is noise at the last level, so x0 of an epsilon model would be lost, and v keeps
        it."""
        table = SD1.zero_terminal_snr()
        assert table.sigma_max > 4000
        assert table.sigmas[0] == pytest.approx(SD1.sigmas[0], rel=1e-4)
        denoiser = GuidedDenoiser(
            network=LineNetwork(),
            scaling=ModelScaling(table, PredictionType.V),
            images=[red()],
            guidance=guidance(1.0),
            watch=Watch(),
        )
        x0 = denoiser.sigma(torch.full((1, 4, 2, 2), table.sigma_max), table.sigma_max).guided
        assert float(x0.mean()) == pytest.approx(-RED, rel=1e-2)


def test_the_mask_keeps_the_rest() -> None:
    mask = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[None, None]
    original = torch.full((1, 4, 2, 2), 40.0)
    bench = Bench(red(), blend=MaskBlend(original, mask))
    guided = bench.denoiser.sigma(bench.x, SIGMA).guided
    assert torch.equal(guided[..., 1], original[..., 1])
    assert not torch.equal(guided[..., 0], original[..., 0])


def test_an_interrupt_comes_before_the_evaluation() -> None:
    bench = Bench(red(), watch=Watch(stop_after=1))
    bench.answers()
    with pytest.raises(Interrupted):
        bench.answers()
    assert bench.network.rows == [2]
    assert bench.denoiser.last is not None


class TestImageInput:
    SEEN = torch.full((1, 4, 2, 2), 10.0)

    def test_channels_go_along_unscaled(self) -> None:
        bench = Bench(red(), picture=ImageInput(self.SEEN), scale=1.0)
        assert bench.answers() == pytest.approx([RED + 10.0])

    def test_each_picture_sees_its_own(self) -> None:
        seen = torch.cat([self.SEEN, self.SEEN * 2])
        bench = Bench(red(), red(), picture=ImageInput(seen), scale=1.0)
        assert bench.answers() == pytest.approx([RED + 10.0, RED + 20.0])

    def test_text_and_picture_guide_apart(self) -> None:
        bench = Bench(red(), picture=ImageInput(self.SEEN, guidance=1.5))
        both, picture, nothing = RED + 10.0, NOTHING + 10.0, NOTHING
        expected = nothing + 7 * (both - picture) + 1.5 * (picture - nothing)
        assert bench.answers() == pytest.approx([expected])
        assert bench.network.rows == [3]

    def test_with_a_longer_negative(self) -> None:
        image = conditioning(part(RED), negative=part(NOTHING, tokens=154))
        bench = Bench(image, picture=ImageInput(self.SEEN, guidance=1.5))
        assert bench.answers() == pytest.approx([NOTHING + 7 * 2 + 15])
        assert bench.network.rows == [1, 2]

    def test_it_takes_no_parts(self) -> None:
        image = conditioning(part(RED), part(BLUE), negative=part(NOTHING))
        with pytest.raises(InvalidValue, match="image_cfg_scale"):
            Bench(image, picture=ImageInput(self.SEEN, guidance=1.5))
        Bench(image, picture=ImageInput(self.SEEN)).answers()
