"""Hires fix: sizes, upscalers, and that the second pass starts from the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from adapters.backends.torch.hires import LATENT_MODES
from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from core.domain.errors import InvalidValue
from core.domain.image import RasterImage
from core.domain.request import HiresParams
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from serena import Serena
from tests.unit.adapters.backends.torch.conftest import BACKEND
from tests.unit.adapters.backends.torch.rig import Pixels, Watch, distance, draw


def enlarged(demo: Serena, strength: float = 0.5, **params: Any) -> Pixels:
    return draw(demo, denoising_strength=strength, hires=HiresParams(**params))[0]


@pytest.mark.parametrize("upscaler", [*LATENT_MODES, "None", "Lanczos", "Nearest"])
def test_every_upscaler_gives_the_size(demo: Serena, upscaler: str) -> None:
    assert enlarged(demo, upscaler=upscaler, second_pass_steps=2).shape == (128, 128, 3)


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
@pytest.mark.parametrize(
    ("params", "shape"),
    [
        ({"scale": 1.5}, (96, 96)),
        ({"resize_x": 96}, (96, 96)),
        ({"resize_x": 96, "resize_y": 128}, (128, 96)),
        ({"scale": 1.2}, (72, 72)),
    ],
)
def test_sizes(demo: Serena, upscaler: str, params: dict[str, Any], shape: tuple[int, int]) -> None:
    drawn = enlarged(demo, upscaler=upscaler, second_pass_steps=1, **params)
    assert drawn.shape[:2] == shape


def test_strength_nought_is_the_enlarged_first_pass(demo: Serena) -> None:
    [small] = draw(demo)
    large = enlarged(demo, 0.0, upscaler="Latent (nearest)")
    blocks = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(blocks - small).mean() < 20


def test_the_second_pass_has_its_own_prompt(demo: Serena) -> None:
    assert distance(enlarged(demo), enlarged(demo, prompt="blue square")) > 5


class StoppedBetween(Watch):
    """Stops when the second pass has begun."""

    def begin_pass(self, steps: int) -> None:
        self._left = 0 if self.steps else None
        super().begin_pass(steps)


class Interrupting(LazyTorchBackend):
    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        return super().execute_run(run, batch, StoppedBetween())


def test_who_stops_before_the_second_pass_predicts_has_the_picture_of_the_first(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, backend=BACKEND)
    with Serena(application=bootstrap(settings, backend=Interrupting(settings.backend))) as serena:
        [alone] = draw(serena)
        assert distance(enlarged(serena), alone) == 0


def test_an_unknown_upscaler_is_refused_before_anything_is_drawn(demo: Serena) -> None:
    with pytest.raises(InvalidValue, match=r"hr_upscaler is .none such"):
        enlarged(demo, upscaler="none such")


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_the_picture_of_the_first_pass_can_be_saved(tmp_path: Path, upscaler: str) -> None:
    options = {"save_images_before_highres_fix": True, "save_to_dirs": False}
    with Serena(backend=BACKEND, data_dir=tmp_path) as own:
        [alone] = draw(own)
        draw(
            own,
            denoising_strength=0.5,
            hires=HiresParams(upscaler=upscaler, second_pass_steps=1),
            save_images=True,
            override_settings=options,
        )
    [path] = (tmp_path / "outputs" / "txt2img-images").glob("*-before-highres-fix.png")
    with Image.open(path) as picture:
        assert (np.asarray(picture) == alone).all()
