"""Networks that answer with v or x0, and networks that see a picture."""

from __future__ import annotations

import pytest
import torch

from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.image_input import ImageInput
from core.domain.errors import InvalidValue
from core.sampling.scalings import ModelScaling, PredictionType
from tests.unit.adapters.backends.torch.guided import BLUE, NOTHING, RED, SIGMA, Bench, red
from tests.unit.adapters.backends.torch.rig import SD1, LineNetwork, Watch, conditioning, guidance, part


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
