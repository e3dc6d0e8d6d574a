from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.domain.errors import BackendError, InvalidValue, StorageError
from core.domain.request import Kind, MaskedContent, ResizeMode
from tests.unit.adapters.cli.conftest import Serena
from tests.unit.adapters.cli.fakes import FakeHost, FakeService, png


def test_prints_path_seed_size_and_seconds(serena: Serena, host: FakeHost, tmp_path: Path) -> None:
    answer = serena(
        "txt2img", "a cat", "--seed", "7", "--width", "64", "--height", "48", "--data-dir", str(tmp_path)
    )
    assert answer.code == 0
    assert answer.out == f"{tmp_path}/outputs/job-1.png  seed 7  64x48  1.50 s\n"
    assert "a comment" in answer.err
    assert host.events == ["settle", "start", "close"]


def test_every_flag_reaches_the_request(serena: Serena, host: FakeHost) -> None:
    numbers = "--width 64 --height 48 --steps 3 --seed 7 --subseed 8 --subseed-strength 0.5 --cfg-scale 2.5"
    names = "--negative dog --sampler Heun --scheduler karras --batch-size 2 --n-iter 3 --tiling --no-save"
    lists = "--styles one --styles two --model tiny --option CLIP_stop_at_last_layers=2 --option sd_vae=12"
    assert serena("txt2img", "a cat", *f"{numbers} {names} {lists}".split()).code == 0
    (request,) = host.service.requests
    assert (request.width, request.height, request.steps) == (64, 48, 3)
    assert (request.seed, request.subseed, request.subseed_strength, request.cfg_scale) == (7, 8, 0.5, 2.5)
    assert (request.negative_prompt, request.sampler_name, request.scheduler) == ("dog", "Heun", "karras")
    assert (request.batch_size, request.n_iter, request.tiling, request.save_images) == (2, 3, True, False)
    assert request.styles == ("one", "two")
    expected = {"CLIP_stop_at_last_layers": 2, "sd_vae": "12", "sd_model_checkpoint": "tiny"}
    assert request.override_settings == {"save_incomplete_images": True, **expected}


def test_pictures_are_saved_unless_told_otherwise(serena: Serena, host: FakeHost) -> None:
    serena("txt2img", "a cat")
    assert host.service.requests[0].save_images
    assert host.service.requests[0].tiling is None
    assert serena("txt2img", "a cat", "--no-save").out.startswith("(not saved)")


def test_json_is_an_object_a_line_for_each_prompt(serena: Serena) -> None:
    answer = serena("txt2img", "a cat", "a dog", "--json", "--width", "64")
    first, second = (json.loads(line) for line in answer.out.splitlines())
    assert (first["prompt"], second["prompt"]) == ("a cat", "a dog")
    assert first["images"][0]["path"] == "outputs/job-1.png"
    assert first["images"][0]["width"] == 64
    assert first["seconds"] == 1.5


def test_progress_goes_to_stderr_as_a_few_lines(serena: Serena) -> None:
    answer = serena("txt2img", "a cat", "--json")
    assert "a cat: step 2/4, 1:05 left" in answer.err
    assert len(answer.err.splitlines()) <= 4


def test_settings_flags(serena: Serena, host: FakeHost, tmp_path: Path) -> None:
    serena("txt2img", "a cat", "--backend", "fake", "--data-dir", str(tmp_path))
    assert host.seen[0].backend.name == "fake"
    assert host.seen[0].data_dir == tmp_path


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("--sampler", "nope"), "Sampler not found"),
        (("--model", "other"), "model 'other' not found"),
        (("--width", "0"), "width is 0"),
        (("--option", "novalue"), "--option is 'novalue'; it must be NAME=VALUE"),
        (("--option", "=1"), "it must be NAME=VALUE"),
        (("--width", "wide"), "--width"),
        (("--no-such-flag",), "No such option"),
    ],
)
def test_what_is_asked_wrongly_ends_with_two(serena: Serena, argv: tuple[str, ...], sentence: str) -> None:
    answer = serena("txt2img", "a cat", *argv)
    assert answer.code == 2
    assert sentence in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_a_refused_prompt_stops_those_accepted_before_it(serena: Serena, host: FakeHost) -> None:
    answer = serena("txt2img", "a cat", "this prompt is refused")
    assert answer.code == 2
    assert host.service.interrupted == ["job-1"]
    assert host.events == ["settle", "start", "close"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(BackendError("out of memory"), 1), (StorageError("disk full"), 1), (InvalidValue("a", 1, "no"), 2)],
)
def test_a_failed_job_says_why(serena: Serena, error: Exception, code: int) -> None:
    answer = serena("txt2img", "a cat", on=FakeHost(FakeService(job_error=error)))  # type: ignore[arg-type]
    assert answer.code == code
    assert answer.err.endswith(f"serena: {error}\n")
    assert answer.out == ""


def test_ctrl_c_keeps_what_exists(serena: Serena) -> None:
    host = FakeHost(FakeService(ctrl_c_after=1))
    answer = serena("txt2img", "a cat", "a dog", on=host)
    assert answer.code == 130
    assert host.service.interrupted == ["job-1", "job-2"]
    assert answer.out.count(".png") == 2
    assert "a cat: cancelled" in answer.err
    assert host.events == ["settle", "start", "close"]


class TestImg2Img:
    def test_flags_reach_the_request(self, serena: Serena, host: FakeHost, tmp_path: Path) -> None:
        init, mask = tmp_path / "init.png", tmp_path / "mask.png"
        init.write_bytes(png())
        mask.write_bytes(png(4, 4))
        more = "--denoising-strength 0.5 --resize-mode 2 --mask-blur 6 --inpainting-fill 1 --inpaint-whole"
        rest = "--inpaint-full-res-padding 9 --inpainting-mask-invert"
        answer = serena(
            "img2img", "a cat", "--init", str(init), "--mask", str(mask), *more.split(), *rest.split()
        )
        assert answer.code == 0
        (request,) = host.service.requests
        assert request.kind is Kind.IMG2IMG
        assert request.denoising_strength == 0.5
        assert request.init is not None
        assert [host.service.blobs[ref] for ref in request.blobs()] == [png(), png(4, 4)]
        assert request.init.resize_mode is ResizeMode.FILL
        assert request.init.masked_content is MaskedContent.ORIGINAL
        assert (request.init.mask_blur_x, request.init.mask_blur_y) == (6, 6)
        assert not request.init.only_masked
        assert request.init.only_masked_padding == 9
        assert request.init.mask_invert

    def test_defaults_are_those_of_the_api(self, serena: Serena, host: FakeHost, tmp_path: Path) -> None:
        init = tmp_path / "init.png"
        init.write_bytes(png())
        serena("img2img", "a cat", "--init", str(init))
        (request,) = host.service.requests
        assert request.denoising_strength == 0.75
        assert request.init is not None
        assert request.init.mask is None

    def test_a_broken_file_is_named(self, serena: Serena, tmp_path: Path) -> None:
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"not a picture")
        answer = serena("img2img", "a cat", "--init", str(broken))
        assert (answer.code, answer.err) == (2, f"serena: {broken}: this is no picture\n")

    def test_a_missing_file_is_named(self, serena: Serena, tmp_path: Path) -> None:
        answer = serena("img2img", "a cat", "--init", str(tmp_path / "none.png"))
        assert answer.code == 2
        assert f"cannot read {tmp_path / 'none.png'}: No such file or directory" in answer.err

    def test_needs_a_picture(self, serena: Serena) -> None:
        answer = serena("img2img", "a cat")
        assert answer.code == 2
        assert "--init" in answer.err


def test_a_script_and_its_arguments(serena: Serena, host: FakeHost) -> None:
    assert serena("txt2img", "a cat", "--script", "Ladder", "--arg", "rungs=2", "--arg", "text=7").code == 0
    assert serena("txt2img", "a cat", "--script", "ladder").code == 0
    named, plain = host.service.requests
    assert (named.script_name, named.script_args) == ("Ladder", (2, "7", ("left",)))
    assert (plain.script_name, plain.script_args) == ("ladder", (3, "", ("left",)))


@pytest.mark.parametrize("text", ["left, up", '["left", "up"]'])
def test_a_list_is_written_with_commas_or_as_json(serena: Serena, host: FakeHost, text: str) -> None:
    assert serena("txt2img", "a cat", "--script", "ladder", "--arg", f"sides={text}").code == 0
    (request,) = host.service.requests
    assert request.script_args[2] == ["left", "up"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--script", "nope"), "Script 'nope' not found"),
        (("--script", "glow"), "Script 'glow' not found"),
        (("--script", "ladder", "--arg", "rungs"), "--arg is 'rungs'; it must be NAME=VALUE"),
        (("--script", "ladder", "--arg", "=1"), "it must be NAME=VALUE"),
        (("--script", "ladder", "--arg", "steps=1"), "its arguments are: rungs, text, sides"),
        (("--script", "ladder", "--arg", "rungs=many"), "ladder: rungs is 'many'; it must be a number"),
        (("--arg", "rungs=1"), "--arg is 'rungs=1'; it goes with --script"),
    ],
)
def test_a_script_that_is_asked_for_wrongly(serena: Serena, argv: tuple[str, ...], said: str) -> None:
    answer = serena("txt2img", "a cat", *argv)
    assert answer.code == 2
    assert said in answer.err


def test_a_script_of_txt2img_is_none_of_img2img(serena: Serena, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    answer = serena("img2img", "a cat", "--init", str(tmp_path / "a.png"), "--script", "ladder")
    assert "Script 'ladder' not found" in answer.err
