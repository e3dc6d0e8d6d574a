"""What is frozen when a job is accepted."""

from __future__ import annotations

import pytest

from core.domain.errors import NotReady, UnknownModel
from core.domain.job import Job
from core.domain.request import HiresParams
from core.domain.serial import from_plain, to_plain
from core.domain.styles import Style
from plugins.builtin.styles import StylesPlugin
from tests.unit.core.workshop import MODEL, OTHER_MODEL, Workshop, request, through_json


def test_random_seeds_are_drawn_at_acceptance() -> None:
    shop = Workshop()
    job = shop.draw(request(seed=-1, subseed=-1))
    assert (job.frozen.seed, job.frozen.subseed) == (1000, 1001)
    assert job.request.seed == -1
    assert job.result is not None
    assert (job.result.info["seed"], job.result.info["subseed"]) == (1000, 1001)
    assert shop.draw(request(seed=5, subseed=6)).frozen.seed == 5


def test_a_later_change_of_options_changes_no_queued_job() -> None:
    shop = Workshop()
    shop.options.set({"CLIP_stop_at_last_layers": 3, "return_grid": False})
    job_id = shop.service.submit(request(override_settings={"eta_noise_seed_delta": 4, "n_rows": None}))
    shop.options.set({"CLIP_stop_at_last_layers": 5, "samples_format": "jpg", "sd_model_checkpoint": "other"})
    shop.loop.run_next(0)
    job = shop.service.wait(job_id, 0)
    assert job.frozen.options == {
        "CLIP_stop_at_last_layers": 3,
        "return_grid": False,
        "eta_noise_seed_delta": 4,
    }
    assert job.frozen.model == MODEL.identity
    assert job.result is not None
    assert "Clip skip: 3" in job.result.images[0].infotext
    assert job.result.images[0].format == "png"
    assert shop.scripted.loaded == [MODEL]
    assert shop.draw(request()).frozen.model == OTHER_MODEL.identity


def test_an_override_back_to_the_default_counts() -> None:
    shop = Workshop()
    shop.options.set({"CLIP_stop_at_last_layers": 3})
    result = shop.result(request(override_settings={"CLIP_stop_at_last_layers": 1}))
    assert "Clip skip" not in result.images[0].infotext
    assert shop.options.get()["CLIP_stop_at_last_layers"] == 3


def test_a_model_of_this_job_only() -> None:
    shop = Workshop()
    job = shop.draw(request(override_settings={"sd_model_checkpoint": "other"}))
    assert job.frozen.model == OTHER_MODEL.identity
    assert shop.draw(request()).frozen.model == MODEL.identity


def test_the_default_model_is_that_of_requests_without_one() -> None:
    shop = Workshop(default_model="other")
    assert shop.draw(request()).frozen.model == OTHER_MODEL.identity
    with pytest.raises(UnknownModel, match="known models: sd15-random"):
        Workshop(default_model="gone").service.submit(request())


def test_without_any_model_nothing_is_accepted() -> None:
    with pytest.raises(NotReady, match="models folder"):
        Workshop(models=()).service.submit(request())


def test_style_texts_are_frozen_and_unknown_ones_left_out() -> None:
    styles = (Style("s", "{prompt} in oil", "dull"), Style("t", "bright"))
    shop = Workshop(styles=styles, plugins={"styles": StylesPlugin()})
    job = shop.draw(request(negative_prompt="dark", styles=("nobody", "t", "s")))
    assert [style.name for style in job.frozen.styles] == ["t", "s"]
    assert job.result is not None
    assert job.result.info["prompt"] == "a cat, bright in oil"
    assert job.result.info["negative_prompt"] == "dark, dull"


def test_the_first_pass_names_are_no_names_of_samplers() -> None:
    hires = HiresParams(sampler_name="Use same sampler", scheduler="Use same scheduler")
    shop = Workshop()
    shop.draw(request(sampler_name="DPM2", hires=hires, denoising_strength=0.5))
    run = shop.scripted.runs[0]
    assert run.hires is not None
    assert run.hires.plan.sampler.name == "DPM2"


def test_a_job_with_its_result_survives_json() -> None:
    shop = Workshop(styles=(Style("s", "x"),))
    overrides = {"hide_samplers": ["LMS"], "quicksettings_list": ["sd_vae", "tiling"]}
    job = shop.draw(request(styles=("s",), override_settings=overrides))
    assert job.frozen.options["hide_samplers"] == ["LMS"]
    assert from_plain(Job, through_json(to_plain(job))) == job
