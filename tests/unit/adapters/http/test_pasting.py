from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.http.pasting import OPTIONS, paste
from adapters.http.wire.generation import Img2ImgRequest, Txt2ImgRequest
from core.domain.errors import InvalidValue
from core.domain.option_table import OPTIONS as TABLE
from core.domain.styles import Style
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

TEXT = (
    "a dog\nNegative prompt: bad\nSteps: 9, Sampler: Euler a, Schedule type: Karras, CFG scale: 3, Seed: 7, "
    "Size: 64x96, Clip skip: 2, Variation seed: 5, Variation seed strength: 0.5, ENSD: 31337"
)
HIRES = "a\nSteps: 2, Seed: 1, Size: 64x64, Denoising strength: 0.4, Hires upscale: 2, Hires steps: 5"


def filled(fake: FakeApplication, **fields: object) -> Txt2ImgRequest:
    return paste(Txt2ImgRequest.model_validate(fields), fake.application().options)


def test_the_infotext_fills_what_is_open(fake: FakeApplication) -> None:
    body = filled(fake, infotext=TEXT)
    assert (body.prompt, body.negative_prompt, body.steps) == ("a dog", "bad", 9)
    assert (body.sampler_name, body.scheduler, body.cfg_scale) == ("Euler a", "Karras", 3.0)
    assert (body.width, body.height, body.seed) == (64, 96, 7)
    assert (body.subseed, body.subseed_strength, body.enable_hr) == (5, 0.5, False)
    assert body.override_settings == {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337}


def test_the_request_wins(fake: FakeApplication) -> None:
    body = filled(fake, infotext=TEXT, steps=50, prompt="mine", override_settings={"eta_noise_seed_delta": 1})
    assert (body.steps, body.prompt) == (50, "mine")
    assert body.override_settings == {"eta_noise_seed_delta": 1, "CLIP_stop_at_last_layers": 2}


def test_hires_is_switched_on_by_what_belongs_to_it(fake: FakeApplication) -> None:
    body = filled(fake, infotext=HIRES)
    assert (body.enable_hr, body.hr_scale, body.hr_second_pass_steps) == (True, 2.0, 5)
    assert body.denoising_strength == 0.4
    assert filled(fake, infotext="a\nSteps: 2, Seed: 1, Denoising strength: 0.4").enable_hr is False


def test_img2img_takes_less_of_it(fake: FakeApplication) -> None:
    body = paste(Img2ImgRequest(infotext=TEXT), fake.application().options)
    assert (body.prompt, body.width, body.seed, body.steps) == ("", 512, 7, 9)


def test_what_does_not_fit_is_named(fake: FakeApplication) -> None:
    with pytest.raises(InvalidValue, match="infotext, steps is 'many'"):
        filled(fake, infotext="a\nSteps: many, Seed: 1, Size: 64x64")


def test_without_it_nothing_changes(fake: FakeApplication) -> None:
    body = Txt2ImgRequest(prompt="a")
    assert paste(body, fake.application().options) is body


def test_flags_are_read_from_words(fake: FakeApplication) -> None:
    body = filled(fake, infotext="a\nSteps: 1, Seed: 1, Size: 64x64, Tiling: True, Enable T5: True")
    assert body.override_settings == {"tiling": True, "sd3_enable_t5": True}


def test_every_option_that_it_fills_exists() -> None:
    assert set(OPTIONS) <= {spec.name for spec in TABLE}


def test_the_echo_shows_what_was_filled_in(client: Client) -> None:
    parameters = client.post("/sdapi/v1/txt2img", {"infotext": TEXT}).json()["parameters"]
    assert (parameters["steps"], parameters["sampler_name"], parameters["infotext"]) == (9, "Euler a", TEXT)
    frozen = json.loads(Path("contracts/api/recorded_errors.json").read_text())
    keys = next(case["body"]["parameters"] for case in frozen if case["case"].startswith("body {}"))
    assert list(parameters) == list(keys)


STYLED = "a dog, in oil, dusk\nNegative prompt: bad, blurry\nSteps: 9, Seed: 7, Size: 64x96, ENSD: 31337"
STYLES = (Style("oil", "{prompt}, in oil, dusk", "blurry"), Style("none such", "in ink"))


def styled(fake: FakeApplication, **options: object) -> Txt2ImgRequest:
    fake.changed = options
    body = Txt2ImgRequest(infotext=STYLED)
    return paste(body, fake.application().options, lambda: STYLES)


def test_styles_are_taken_out_of_the_prompts_and_named(fake: FakeApplication) -> None:
    body = styled(fake)
    assert (body.prompt, body.negative_prompt, body.styles) == ("a dog", "bad", ["oil"])
    body = styled(fake, infotext_styles="Ignore")
    assert (body.prompt, body.negative_prompt) == ("a dog, in oil, dusk", "bad, blurry")
    assert not body.styles


def test_keys_that_are_to_be_skipped_fill_nothing(fake: FakeApplication) -> None:
    body = styled(fake, infotext_skip_pasting=["Seed", "ENSD"])
    assert (body.steps, body.seed) == (9, -1)
    assert not body.override_settings


def test_compatibility_can_be_switched_off(fake: FakeApplication) -> None:
    old = "a [b:c:0.5]\nSteps: 9, Seed: 7, Size: 64x96, Version: v1.5.0"
    for wanted in (True, False):
        fake.changed = {"auto_backcompat": wanted}
        body = filled(fake, infotext=old)
        assert ("use_old_scheduling" in (body.override_settings or {})) is wanted
