"""The runner: stages, receipt, failures, the seal."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adapters.images.editor_pillow import PillowImageEditor
from core.cancel import CancelToken
from core.domain.errors import BackendError, Interrupted, InvalidValue, SerenaError, UnknownModel, revive
from core.domain.image import RasterImage
from core.domain.job import JobState
from core.domain.model import ModelIdentity, ModelRef
from core.domain.result import Outcome
from core.domain.seeds import image_seeds, image_subseeds, resolve_seed
from core.drafts import RequestDraft
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import MODEL, NOW, OTHER_MODEL, VERSION, Workshop, img2img, request

INFO_KEYS = [
    "prompt",
    "all_prompts",
    "negative_prompt",
    "all_negative_prompts",
    "seed",
    "all_seeds",
    "subseed",
    "all_subseeds",
    "subseed_strength",
    "width",
    "height",
    "sampler_name",
    "cfg_scale",
    "steps",
    "batch_size",
    "restore_faces",
    "face_restoration_model",
    "sd_model_name",
    "sd_model_hash",
    "sd_vae_name",
    "sd_vae_hash",
    "seed_resize_from_w",
    "seed_resize_from_h",
    "denoising_strength",
    "extra_generation_params",
    "index_of_first_image",
    "infotexts",
    "styles",
    "job_timestamp",
    "clip_skip",
    "is_using_inpainting_conditioning",
    "version",
]


class Refusing:
    def __init__(self) -> None:
        self.failed: list[BaseException] = []

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        raise InvalidValue("prompt", draft.prompt, "no cats")

    @hookimpl
    def serena_failed(self, error: BaseException) -> None:
        self.failed.append(error)


def test_the_receipt_tells_when_and_how_long() -> None:
    receipt = Workshop().result(request()).receipt
    assert (receipt.run_id, receipt.job_id, receipt.backend) == ("run-1", "job-1", "ledger")
    assert receipt.outcome is Outcome.SUCCEEDED
    assert NOW < receipt.started_at < receipt.finished_at
    assert min(receipt.prepare, receipt.execute, receipt.finalize) > 0


def test_a_refusal_in_prepare_draws_nothing_and_is_told() -> None:
    plugin = Refusing()
    shop = Workshop(plugins={"refusing": plugin})
    with pytest.raises(InvalidValue, match="no cats"):
        shop.draw(request())
    assert shop.scripted.seen == []
    assert [str(error) for error in plugin.failed] == ["prompt is 'a cat'; no cats"]


def test_an_interrupt_before_the_first_batch_gives_no_picture() -> None:
    shop = Workshop()
    job_id = shop.service.submit(request(save_images=True))

    class Stopping:
        @hookimpl
        def serena_prepare(self, draft: RequestDraft) -> None:
            shop.service.interrupt(job_id)

    shop.hooks._manager.register(Stopping(), name="stopping")  # type: ignore[attr-defined]
    shop.loop.run_next(0)
    job = shop.service.wait(job_id, 0)
    assert job.state is JobState.CANCELLED
    assert job.result is not None
    assert job.result.images == ()


@pytest.mark.parametrize(("keep", "files"), [(False, 0), (True, 1)])
def test_pictures_of_interrupted_runs_are_saved_only_if_asked(keep: bool, files: int) -> None:
    shop = Workshop(changed={"save_incomplete_images": keep})
    shop.scripted.on_run = lambda run, batch, watch: shop.service.interrupt()
    assert len(shop.result(request(save_images=True)).images) == 1
    assert len(shop.files.files) == files


def test_a_backend_that_lets_the_interrupt_through_ends_the_job() -> None:
    shop = Workshop()

    def stop(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        shop.service.interrupt()
        watch.check()

    shop.scripted.on_run = stop
    job = shop.draw(request())
    assert (job.state, job.result) == (JobState.CANCELLED, None)


def test_the_info_object_is_the_references() -> None:
    info = Workshop().result(request(batch_size=2, subseed_strength=0.5, styles=("gone",))).info
    assert list(info) == INFO_KEYS
    assert info["all_seeds"] == [7, 7]
    assert info["all_subseeds"] == [9, 10]
    assert info["sd_model_name"] == "sd15-random"
    assert info["job_timestamp"] == "20260102030405"
    assert info["version"] == VERSION
    assert info["styles"] == ["gone"]


@pytest.mark.parametrize(
    ("options", "fields", "told"),
    [
        ({"CLIP_stop_at_last_layers": 2, "randn_source": "NV"}, {}, "Clip skip: 2, RNG: NV, Version"),
        ({"eta_noise_seed_delta": 31337}, {"sampler_name": "Euler a"}, "ENSD: 31337, Version"),
        ({"token_merging_ratio": 0.5}, {}, "Token merging ratio: 0.5, Version"),
        ({"s_churn": 2.0}, {}, "Sigma churn: 2.0, Version"),
        ({"sigma_min": 0.1, "sigma_max": 9.0, "rho": 5.0}, {"scheduler": "Karras"},
         "Schedule min sigma: 0.1, Schedule max sigma: 9.0, Schedule rho: 5.0, Version"),
        ({"sgm_noise_multiplier": True}, {}, "SGM noise multiplier: True, Version"),
        ({"s_min_uncond": 1.0, "s_min_uncond_all": True}, {}, "NGMS: 1.0, NGMS all steps: True, Version"),
        ({"skip_early_cond": 0.2, "pad_cond_uncond": True, "pad_cond_uncond_v0": True}, {},
         "Skip Early CFG: 0.2, Pad conds: True, Pad conds v0: True, Version"),
        ({"emphasis": "None"}, {"negative_prompt": "(bad)"}, "Emphasis: None, Version"),
        ({"face_restoration": True}, {}, "Face restoration: CodeFormer, Size"),
        ({"tiling": True}, {}, "Tiling: True, Version"),
        ({"add_model_hash_to_info": False}, {}, "Size: 16x16, Model: sd15-random"),
        ({"add_model_name_to_info": False}, {}, "Model hash: 5de76cbb7e, Version"),
        ({"add_version_to_infotext": False}, {}, "Model: sd15-random"),
        ({}, {"s_tmax": 0.0, "s_churn": 3.0}, "Model: sd15-random, Version"),
    ],
)  # fmt: skip
def test_options_in_the_infotext(options: dict[str, Any], fields: dict[str, Any], told: str) -> None:
    assert told in Workshop(changed=options).result(request(**fields)).images[0].infotext


def test_numbers_of_the_sampler_come_from_the_option_that_was_changed_else_from_the_request() -> None:
    shop = Workshop(changed={"s_churn": 2.0})
    shop.result(request(s_churn=3.0, s_noise=1.05, s_tmax=0.0, sampler_name="Euler a", eta=0.5))
    plan = shop.scripted.runs[0].plan
    assert (plan.s_churn, plan.s_noise, plan.s_tmax, plan.eta) == (2.0, 1.05, float("inf"), 0.5)


def test_comments_go_out_of_the_prompt_unless_they_may_stay() -> None:
    assert Workshop().result(request(prompt="a # b")).info["prompt"].strip() == "a"
    shop = Workshop(changed={"enable_prompt_comments": False})
    assert shop.result(request(prompt="a # b")).info["prompt"] == "a # b"


def test_only_the_runner_makes_a_prepared_run() -> None:
    with pytest.raises(TypeError, match="by nothing else"):
        PreparedRun(**dict.fromkeys(inspect.signature(PreparedRun).parameters))


def test_a_token_stops_and_skips() -> None:
    token = CancelToken()
    token.check()
    token.skip()
    with pytest.raises(Interrupted, match="skipped") as skipped:
        token.check()
    assert skipped.value.skipped
    token.next_iteration()
    assert not token.should_stop
    token.interrupt()
    token.next_iteration()
    with pytest.raises(Interrupted, match="interrupted"):
        token.check()


def test_errors_come_back_by_name() -> None:
    error = revive("UnknownModel", "model 'x' not found")
    assert isinstance(error, UnknownModel)
    assert str(error) == "model 'x' not found"
    assert type(revive("KeyError", "x")) is BackendError
    assert isinstance(revive("SerenaError", "x"), SerenaError)
    assert len(str(InvalidValue("prompt", "x" * 500, "shorter"))) < 120


def test_seeds() -> None:
    assert resolve_seed(-1, lambda: 4) == 4
    assert resolve_seed(0, lambda: 4) == 0
    assert image_seeds(5, 3, 0) == (5, 6, 7)
    assert image_seeds(5, 2, 0.1) == (5, 5)
    assert image_subseeds(5, 2) == (5, 6)


def test_a_picture_has_the_bytes_that_its_size_takes() -> None:
    with pytest.raises(ValueError, match="RGB 2x2 takes 12 bytes, not 3"):
        RasterImage(2, 2, "RGB", b"abc")
    assert PillowImageEditor().invert(RasterImage(1, 1, "L", b"\x01")).pixels == b"\xfe"


@pytest.mark.parametrize("inpainting", [True, False])
def test_an_inpainting_model_is_told(inpainting: bool) -> None:
    shop = Workshop(models=(replace(MODEL, inpainting=inpainting),))
    result = shop.result(request(override_settings={"inpainting_mask_weight": 0.5}))
    assert result.info["is_using_inpainting_conditioning"] is inpainting
    assert ("Conditional mask weight: 0.5" in result.images[0].infotext) is inpainting


def test_the_second_guidance_of_a_model_that_follows_instructions_is_told() -> None:
    workshop = Workshop(models=(replace(MODEL, editing=True), OTHER_MODEL))

    def infotext(model: ModelRef) -> str:
        picture = workshop.put(np.zeros((16, 16, 3), np.uint8))
        named = {"sd_model_checkpoint": model.identity.name}
        asked = img2img([picture], {"image_cfg_scale": 1.5}, override_settings=named)
        return workshop.result(asked).images[0].infotext

    assert "CFG scale: 7.0, Image CFG scale: 1.5, Seed: 7" in infotext(MODEL)
    assert "Image CFG scale" not in infotext(OTHER_MODEL)


def test_of_copies_of_a_checkpoint_the_one_is_drawn_with_that_was_named() -> None:
    copy = ModelRef(ModelIdentity("copy", OTHER_MODEL.identity.sha256), "beside other files")
    workshop = Workshop(models=(OTHER_MODEL, copy))
    result = workshop.result(request(override_settings={"sd_model_checkpoint": "copy"}))
    assert workshop.scripted.runs[0].model is copy
    assert "Model: copy," in result.images[0].infotext
