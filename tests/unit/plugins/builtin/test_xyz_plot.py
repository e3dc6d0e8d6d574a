"""The X/Y/Z plot."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.errors import InvalidValue
from core.domain.image import RasterImage
from core.domain.infotext import read
from core.domain.request import HiresParams
from core.domain.styles import Style
from plugins.builtin.sheets import Title, make_sheet
from plugins.builtin.xyz_plot.axes import IMG2IMG, TXT2IMG, axis_of
from plugins.builtin.xyz_plot.values import numbers, sizes, split, whole_numbers
from tests.unit.core.workshop import OTHER_MODEL, Workshop
from tests.unit.plugins.builtin.shop import from_picture, prompts, scripted, seeds, shop_with

NAME = "x/y/z plot"
NOT_OFFERED = {"Nothing", "FP8 mode"}


def args(**named: Any) -> tuple[Any, ...]:
    """By position, as a client sends them."""
    given = {
        "x_type": 0, "x_values": "", "x_list": [], "y_type": 0, "y_values": "", "y_list": [], "z_type": 0,
        "z_values": "", "z_list": [], "legend": True, "lone": False, "sub": False, "keep": False,
        "vary_x": False, "vary_y": False, "vary_z": False, "margin": 0, "csv": False,
    }  # fmt: skip
    return tuple({**given, **named}.values())


def drawn(shop: Workshop, **named: Any) -> Any:
    return shop.result(scripted(NAME, *args(**named)))


def test_every_combination_on_one_sheet() -> None:
    shop = shop_with()
    result = drawn(
        shop, x_type=4, x_values="1,2,3", y_type="CFG Scale", y_values="5, 7.5", legend=False, margin=2
    )
    assert [(run.request.steps, run.request.cfg_scale) for run in shop.scripted.runs] == [
        (1, 5), (2, 5), (3, 5), (1, 7.5), (2, 7.5), (3, 7.5)
    ]  # fmt: skip
    [sheet] = result.images
    assert (sheet.width, sheet.height) == (3 * 16 + 4, 2 * 16 + 2)
    params = dict(read(sheet.infotext).params)
    assert (params["Script"], params["X Type"], params["X Values"]) == ("X/Y/Z plot", "Steps", "1,2,3")
    assert (params["Y Type"], params["Y Values"]) == ("CFG Scale", "5, 7.5")
    assert "Z Type" not in params


def test_a_legend_takes_room_and_a_third_axis_makes_sheets_of_sheets() -> None:
    shop = shop_with()
    result = drawn(
        shop,
        x_type=4,
        x_values="1,2",
        y_type=6,
        y_values="1,2",
        z_type=1,
        z_values="3,4",
        sub=True,
        lone=True,
    )
    whole, *rest = result.images
    first, second, *pictures = rest
    assert first.width > 2 * 16
    assert first.height > 2 * 16
    assert (first.width, first.height) == (second.width, second.height)
    assert whole.height == 2 * first.height
    assert whole.width > first.width
    assert [picture.seed for picture in pictures] == [3] * 4 + [4] * 4
    assert result.info["index_of_first_image"] == 3


def test_values_may_come_as_a_list() -> None:
    shop = shop_with()
    drawn(shop, x_type="Sampler", x_list=["Heun", "Euler a"], x_values="DDIM")
    drawn(shop, x_type="Sampler", x_list=["Heun"], x_values="DDIM", csv=True)
    assert [run.plan.sampler.name for run in shop.scripted.runs] == ["Heun", "Euler a", "DDIM"]


def test_the_same_seed_unless_it_is_to_vary() -> None:
    shop = shop_with()
    drawn(shop, x_type=4, x_values="1,2", y_type=6, y_values="1,2")
    assert seeds(shop) == [7] * 4
    shop = shop_with()
    drawn(shop, x_type=4, x_values="1,2", y_type=6, y_values="1,2", vary_x=True, vary_y=True)
    assert seeds(shop) == [7, 8, 9, 10]
    shop = shop_with()
    shop.draw(scripted(NAME, *args(x_type=4, x_values="1,2", keep=True), seed=-1))
    assert len(set(seeds(shop))) == 2


def test_prompts_are_searched_and_reordered() -> None:
    shop = shop_with()
    shop.draw(scripted(NAME, *args(x_type="Prompt S/R", x_values="cat,dog"), prompt="a cat"))
    shop.draw(scripted(NAME, *args(x_type="Prompt order", x_values="red,big"), prompt="a red, big cat"))
    assert prompts(shop) == ["a cat", "a dog", "a red, big cat", "a big, red cat"]
    for axis in ("Prompt S/R", "Prompt order"):
        with pytest.raises(InvalidValue, match="it must be in the prompt"):
            drawn(shop, x_type=axis, x_values="nope,red")


def test_sizes_checkpoints_and_options() -> None:
    shop = shop_with()
    drawn(shop, x_type="Size", x_values="16x24")
    drawn(shop, x_type="Checkpoint name", x_values=OTHER_MODEL.identity.title)
    drawn(shop, x_type="Clip skip", x_values="2")
    drawn(shop, x_type="Face restore", x_values="None,GFPGAN")
    runs = shop.scripted.runs
    assert (runs[0].request.width, runs[0].request.height) == (16, 24)
    assert runs[1].model == OTHER_MODEL
    assert runs[2].options.number("CLIP_stop_at_last_layers") == 2
    assert [run.request.restore_faces for run in runs[3:]] == [False, True]
    assert runs[4].options.text("face_restoration_model") == "GFPGAN"


def test_axes_of_a_second_pass_and_of_an_init_picture() -> None:
    shop = shop_with()
    plain = args(x_type="Hires steps", x_values="3")
    shop.draw(scripted(NAME, *plain))
    shop.draw(scripted(NAME, *plain, hires=HiresParams(), denoising_strength=0.5))
    shop.draw(from_picture(shop, script_name=NAME, script_args=args(x_type="Image CFG Scale", x_values="2")))
    first, second, third = shop.scripted.runs
    assert first.hires is None
    assert second.hires is not None
    assert second.hires.plan.steps == 3
    assert third.init is not None
    assert third.init.image_cfg_scale == 2


def test_every_offered_axis_reads_and_applies() -> None:
    names = (set(TXT2IMG) | set(IMG2IMG)) - NOT_OFFERED
    texts = {
        "Prompt S/R": "cat", "Prompt order": "cat", "Sampler": "Heun", "Hires sampler": "Heun",
        "Checkpoint name": "x", "Schedule type": "karras", "Hires upscaler": "Latent", "Face restore": "None",
        "Size": "16x16", "RNG source": "CPU",
        "Always discard next-to-last sigma": "true", "SGM noise multiplier": "no",
    }  # fmt: skip
    for name in names:
        assert len(axis_of(name).read(name, [texts.get(name, "1")])) == 1


def test_an_axis_that_is_not_offered_says_so() -> None:
    with pytest.raises(InvalidValue, match="it is not offered here; there are Seed"):
        drawn(shop_with(), x_type="FP8 mode", x_values="Enable")


def test_styles_come_to_those_of_the_request() -> None:
    styles = [Style("own", "oil"), Style("ink", "in ink"), Style("big", "{prompt}, big")]
    shop = shop_with(styles=styles)
    plot = args(x_type="Styles", x_values='ink,"ink,big"')
    shop.draw(scripted(NAME, *plot, prompt="a cat", styles=("own",)))
    assert prompts(shop) == ["a cat, oil, in ink", "a cat, oil, in ink, big"]


def test_each_column_has_its_refiner() -> None:
    shop = shop_with()
    plot = args(x_type="Refiner checkpoint", x_values=f"None,{OTHER_MODEL.identity.stem}", x_list=[])
    shop.draw(scripted(NAME, *plot, refiner_switch_at=0.5))
    refiners = [run.refiner.model if run.refiner else None for run in shop.scripted.runs]
    assert refiners == [None, OTHER_MODEL]


def test_a_refiner_of_the_request_stays() -> None:
    shop = shop_with()
    title = OTHER_MODEL.identity.title
    plot = args(x_type="Steps", x_values="2,3")
    shop.draw(scripted(NAME, *plot, refiner_checkpoint=title, refiner_switch_at=0.5))
    assert [run.refiner.model for run in shop.scripted.runs if run.refiner] == [OTHER_MODEL] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2", [1, 2]), ("1-5", [1, 2, 3, 4, 5]), ("1-5 (2)", [1, 3, 5]), ("5-1 (2)", [5, 3, 1]),
        ("0-1 [3]", [0, 0.5, 1]), ("-1 - 1", [-1, 0, 1]), ("0.1-0.3 (0.1)", [0.1, 0.2, 0.3]),
        ("4-9 [1]", [4]),
    ],
)  # fmt: skip
def test_ranges(text: str, expected: list[float]) -> None:
    assert numbers("CFG Scale", split(text)) == expected


def test_whole_numbers_are_rounded() -> None:
    assert whole_numbers("Steps", split("10-20 [4]")) == [10, 13, 17, 20]


def test_a_size_may_have_room_in_it() -> None:
    assert [str(size) for size in sizes("Size", [" 64 x           32 "])] == ["64x32"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"x_type": 4}, "it must have 1 to 1000 values"),
        ({"x_type": 4, "x_values": "x"}, "it must be a number, or a range"),
        ({"x_type": 4, "x_values": "1-9999999"}, "it may stand for 1000 numbers at most"),
        ({"x_type": 4, "x_values": "1-2 (0)"}, "it may stand for 1000 numbers at most"),
        ({"x_type": 4, "x_values": "1-2 [0]"}, "it may stand for 1 to 1000 numbers"),
        ({"x_type": 4, "x_values": "1-999,1-999"}, "there may be 1000 at most"),
        ({"x_type": 4, "x_values": "nan"}, "values of the axis Steps is 'nan'; they must be whole numbers"),
        ({"x_type": 4, "x_values": "1,inf"}, "they must be whole numbers"),
        ({"x_type": 6, "x_values": f"{'1' * 400}-{'2' * 400}"}, "it may stand for 1000 numbers at most"),
        ({"x_type": 4, "x_values": "1" * 140_000}, "the values of an axis is .*field larger"),
        ({"x_type": "Size", "x_values": "12"}, "it must be WIDTHxHEIGHT"),
        ({"x_type": "Prompt order", "x_values": "a,b,c,d,e,f,g"}, "more than 1000 orders"),
        ({"x_type": 4, "x_values": "1-100", "y_type": 6, "y_values": "1-100"}, "at most 1024"),
    ],
)
def test_what_makes_no_plot_is_refused(named: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        drawn(shop_with(), **named)


def test_a_sheet_has_a_largest_size() -> None:
    dot = RasterImage(1, 1, "RGB", b"abc")
    with pytest.raises(InvalidValue, match="the size of the grid"):
        make_sheet([dot] * 1024, 32, margin=500)


def test_long_titles_are_cut() -> None:
    dot = RasterImage(1, 1, "RGB", b"abc")
    widths = [make_sheet([dot], 1, down=[[Title("x" * length)]]).width for length in (10, 60, 600)]
    assert widths[0] < widths[1]
    assert widths[2] <= widths[1] * 1.1


def test_titles_of_columns_are_no_wider_than_pictures() -> None:
    dot = RasterImage(64, 64, "RGB", bytes(64 * 64 * 3))
    heights = [make_sheet([dot], 1, across=[[Title(text)]]).height for text in ("a", "a " * 20, "a" * 40)]
    assert heights[1] > heights[0]
    assert heights[2] == heights[0]
