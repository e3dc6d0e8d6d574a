"""Prompt matrix, prompts from a file, loopback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from adapters.backends.fake.backend import FakeBackend
from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.image import RasterImage
from core.domain.request import HiresParams, MaskedContent
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from plugins.builtin.loopback import run as loop_back
from tests.unit.core.workshop import OTHER_MODEL, ScriptedBackend, request
from tests.unit.plugins.builtin.shop import from_picture, prompts, scripted, seeds, shop_with

MATRIX, LINES, LOOP = "prompt matrix", "prompts from file or textbox", "loopback"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], ["a cat", "a cat, red", "a cat, big", "a cat, red, big"]),
        ([True, False, "positive", "space"], ["a cat", "red a cat", "big a cat", "red big a cat"]),
    ],
)
def test_the_matrix_draws_every_combination(args: list[Any], expected: list[str]) -> None:
    shop = shop_with()
    result = shop.result(scripted(MATRIX, *args, prompt="a cat|red, | big", batch_size=3))
    assert prompts(shop) == expected
    assert seeds(shop) == [7] * 4
    assert [len(batch.seeds) for batch in shop.scripted.batches] == [3, 1], (
        "as many at once as were asked for"
    )
    assert len(result.images) == 5
    assert result.info["index_of_first_image"] == 1
    assert result.images[0].infotext == result.images[1].infotext
    assert result.images[0].width > 2 * 16


@pytest.mark.parametrize("hires", [None, HiresParams(scale=2.0)])
def test_the_matrix_in_batches_is_the_matrix_one_by_one(hires: HiresParams | None) -> None:
    """The fake backend heeds prompts and seeds, so each picture tells what it was drawn from."""
    asked = scripted(
        MATRIX, False, True, prompt="a {red|big} cat|dog|tree", hires=hires, denoising_strength=0.5
    )
    results = []
    for batch_size in (1, 4):
        shop = shop_with(backend=FakeBackend())
        results.append(shop.result(replace(asked, batch_size=batch_size, save_images=True)))
        assert len(shop.files.files) == 5
    alone, together = results
    assert [image.infotext for image in together.images] == [image.infotext for image in alone.images]
    assert [image.blob for image in together.images] == [image.blob for image in alone.images]
    assert together.info["all_seeds"] == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("a {x|x}|b", ["a x", "a x, b"]), ("a {x|b", ["a {x", "a {x, b"]), ("a }|b{", ["a }", "a }, b{"])],
)
def test_bars_in_braces_are_those_of_wildcards(prompt: str, expected: list[str]) -> None:
    shop = shop_with()
    shop.draw(scripted(MATRIX, prompt=prompt))
    assert prompts(shop) == expected


def test_an_empty_part_is_a_part_as_in_the_reference() -> None:
    shop = shop_with()
    shop.draw(scripted(MATRIX, prompt="|a|"))
    assert prompts(shop) == ["", ", a", ", ", ", a, "]


def test_the_matrix_of_the_negative_prompt_with_other_seeds() -> None:
    shop = shop_with()
    shop.draw(scripted(MATRIX, False, True, "negative", prompt="a|b", negative_prompt="x|y"))
    assert prompts(shop) == ["a|b", "a|b"]
    assert [batch.negative_prompts for batch in shop.scripted.batches] == [("x",), ("x, y",)]
    assert seeds(shop) == [7, 8]


def test_the_matrix_has_an_end() -> None:
    with pytest.raises(InvalidValue, match="parts of the prompt matrix is 17; it may have 16"):
        shop_with().draw(scripted(MATRIX, prompt="|" * 17))
    with pytest.raises(InvalidValue, match="at most 1024"):
        shop_with().draw(scripted(MATRIX, prompt="|" * 12))


def test_a_picture_that_was_skipped_leaves_no_sheet() -> None:
    class Forgetful(ScriptedBackend):
        def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
            pictures = super().execute_run(run, batch, watch)
            return pictures if len(self.runs) == 1 else ()

    looped = shop_with(backend=Forgetful())
    assert len(looped.result(from_picture(looped, script_name=LOOP)).images) == 2, "a sheet of one"
    shop = shop_with(backend=Forgetful())
    assert len(shop.result(scripted(MATRIX, prompt="a|b")).images) == 1
    plot = scripted("x/y/z plot", 4, "1,2", prompt="a")
    assert len(shop_with(backend=Forgetful()).result(plot).images) == 1


def test_lines_are_prompts_or_options() -> None:
    options = "--steps 3 --seed 5 --do_not_save_samples true --tiling yes --cfg_scale 2"
    text = f'a dog\n\n--prompt "a red" bird {options}'
    shop = shop_with()
    shop.draw(scripted(LINES, False, False, "start", text, prompt="tail", save_images=True))
    assert prompts(shop) == ["a dog tail", "a red bird tail"]
    first, second = (run.request for run in shop.scripted.runs)
    assert (first.steps, first.seed, first.save_images, first.tiling) == (2, 7, True, False)
    assert (second.steps, second.seed, second.save_images, second.tiling, second.cfg_scale) == (
        3,
        5,
        False,
        True,
        2,
    )


def test_a_line_that_wants_no_grid_keeps_its_pictures() -> None:
    shop = shop_with()
    text = "--prompt cat --do_not_save_grid true"
    shop.draw(scripted(LINES, False, False, "start", text, save_images=True))
    assert [run.request.save_images for run in shop.scripted.runs] == [True]


def test_a_line_may_choose_the_model_and_styles() -> None:
    shop = shop_with()
    text = f"--sd_model '{OTHER_MODEL.identity.title}' --negative_prompt bad --styles a,b"
    shop.draw(scripted(LINES, False, False, "end", text, negative_prompt="own"))
    assert shop.scripted.loaded == [OTHER_MODEL]
    assert shop.scripted.batches[0].negative_prompts == ("own bad",)


@pytest.mark.parametrize(
    ("flags", "seed", "same"),
    [
        ((False, False), 7, True),
        ((False, False), -1, False),
        ((False, True), -1, True),
        ((True, False), 7, False),
    ],
)
def test_seeds_of_lines(flags: tuple[bool, bool], seed: int, same: bool) -> None:
    shop = shop_with()
    shop.draw(scripted(LINES, *flags, "start", "a\nb", seed=seed))
    assert (seeds(shop)[0] == seeds(shop)[1]) is same
    if flags[0]:
        assert seeds(shop) == [7, 8]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it must have a line to draw"),
        ("--nope 1", "'--nope' is none of --prompt"),
        ("word --steps 1", "'word' is none of"),
        ("--steps", "--steps takes one value"),
        ("--steps 1 2", "--steps takes one value"),
        ("--steps x", "'x' is no whole number"),
        ("--cfg_scale x", "'x' is no number"),
        ('--prompt "a', "no closing quotation"),
    ],
)
def test_a_wrong_line_says_why(text: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        shop_with().draw(scripted(LINES, False, False, "start", text))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [("Linear", [0.8, 0.5, 0.2]), ("Aggressive", [0.8, 0.376, 0.2]), ("Lazy", [0.8, 0.624, 0.2])],
)
def test_loopback_draws_over_its_own_pictures(curve: str, expected: list[float]) -> None:
    shop = shop_with()
    wanted = from_picture(
        shop, script_name=LOOP, script_args=(3, 0.2, curve), denoising_strength=0.8, n_iter=2, batch_size=2
    )
    result = shop.result(wanted)
    assert seeds(shop) == [7, 8, 9, 10, 11, 12]
    inits = [run.init for run in shop.scripted.runs]
    strengths = [round(init.denoising_strength, 3) for init in inits if init]
    assert strengths == expected * 2
    assert [init.masked_content for init in inits if init] == [MaskedContent.ORIGINAL] * 6
    assert len({init.images for init in inits if init}) == 5, (
        "each repeat begins with the picture that was sent"
    )
    assert len(result.images) == 7
    assert result.images[0].width == 3 * 16


def test_one_loop_has_no_sheet() -> None:
    shop = shop_with()
    assert len(shop.result(from_picture(shop, script_name=LOOP, script_args=(1,))).images) == 1
    assert shop.scripted.runs[0].init is not None


def test_loopback_is_not_on_txt2img_and_does_not_interrogate() -> None:
    shop = shop_with()
    with pytest.raises(InvalidValue, match="prompts are not interrogated"):
        shop.draw(from_picture(shop, script_name=LOOP, script_args=(1, 0.5, "Lazy", "CLIP")))
    with pytest.raises(InitImageMissing):
        loop_back(request(hires=HiresParams()), {"append_interrogation": "None"}, None)  # type: ignore[arg-type]
