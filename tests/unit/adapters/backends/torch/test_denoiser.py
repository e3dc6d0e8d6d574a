"""Guidance by hand: a network that answers with its context, so every term of the sum is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from adapters.backends.torch.conditioning import Padding
from adapters.backends.torch.latents import MaskBlend
from core.domain.errors import Interrupted
from tests.unit.adapters.backends.torch.guided import BLUE, NOTHING, RED, SIGMA, Bench, red
from tests.unit.adapters.backends.torch.rig import SD1, Watch, conditioning, part


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
