"""Flow models at the door: pictures drawn again, second passes, batches, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import InvalidRequest
from core.domain.request import HiresParams
from serena import Serena
from tests.unit.adapters.backends.torch.rig import distance, draw, half_mask, pixels, redraw, smooth_picture

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own


@pytest.fixture(scope="module")
def door(flow_stubs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serena]:
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    models = {"builtin": False, "dir": flow_stubs, "default": "flux-stub"}
    with Serena(backend=backend, data_dir=tmp_path_factory.mktemp("data"), models=models) as serena:
        yield serena


def named(family: str) -> dict[str, Any]:
    return {"override_settings": {"sd_model_checkpoint": f"{family}-stub"}}


@pytest.mark.parametrize("family", ["sd3", "qwen-image"])
def test_a_picture_is_drawn_again_under_a_mask(door: Serena, family: str) -> None:
    picture = smooth_picture()
    again = redraw(door, picture, half_mask(), steps=2, **named(family))
    assert distance(again[:, :24], pixels(picture)[:, :24]) <= 3
    assert distance(again[:, 32:], pixels(picture)[:, 32:]) > 20


def test_what_the_infotext_says(door: Serena) -> None:
    answer = door.txt2img("cat", width=72, height=64, steps=2, sampler_name="DPM++ 2M", seed=1)
    [text] = answer.infotexts
    assert "Sampler: DPM++ 2M, Schedule type: Uniform" in text
    assert "Size: 64x64" in text
    assert "Distilled CFG Scale: 3.5" in text


def test_a_second_pass_may_have_an_odd_side(door: Serena) -> None:
    hires = HiresParams(scale=1.125, upscaler="Latent")
    [picture] = draw(door, "cat", steps=2, hires=hires, denoising_strength=0.7)
    assert picture.shape[:2] == (72, 72)


def test_a_distilled_model_is_guided_by_a_negative_prompt_alone(door: Serena) -> None:
    plain, other, guided = (
        draw(door, "cat", steps=2, cfg_scale=scale, negative_prompt=negative)[0]
        for scale, negative in ((1.0, ""), (7.0, ""), (7.0, "blue"))
    )
    assert distance(plain, other) == 0
    assert distance(plain, guided) > 0


def test_prompts_of_many_parts_and_lengths(door: Serena) -> None:
    """Each picture of a batch is what it would be alone."""
    prompt = "a (red:1.3) cat AND a much longer [dog:bird:0.5] :0.5"
    both = draw(
        door, prompt, steps=2, batch_size=2, negative_prompt="b", cfg_scale=2.0, **named("qwen-image")
    )
    alone = draw(door, prompt, steps=2, seed=6, negative_prompt="b", cfg_scale=2.0, **named("qwen-image"))
    assert distance(both[1], alone[0]) <= 1


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"sampler_name": "Euler a"}, "sampler_name is 'Euler a'; a flow model takes one of"),
        ({"sampler_name": "DDIM"}, "sampler_name is 'DDIM'; a flow model takes one of"),
        ({"scheduler": "Align Your Steps"}, "a flow model knows none above 1"),
        ({"tiling": True}, "makes no pictures that tile"),
        ({"hires": HiresParams(scale=2), "denoising_strength": 0.5, "refiner_checkpoint": "sd3-stub",
          "refiner_switch_at": 0.5}, "the latents of Flux.1 dev are not those of"),
    ],
)  # fmt: skip
def test_what_a_flow_model_cannot_do_is_refused(door: Serena, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        draw(door, "cat", steps=2, **asked)
    assert sentence in str(caught.value)
