"""The two scripts that draw on beyond the edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.image import RasterImage
from core.domain.request import GenerationRequest, MaskedContent
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from plugins.builtin.outpainting.borders import Borders, borders
from plugins.builtin.outpainting.mk2 import run as mk2
from plugins.builtin.outpainting.noise import noise_like
from tests.unit.core.workshop import ScriptedBackend, Workshop, img2img, request
from tests.unit.plugins.builtin.shop import seeds, shop_with

MK2, POOR = "outpainting mk2", "poor man's outpainting"
OLD, NEW = 90, 200


class Painter(ScriptedBackend):
    """Draws flat pictures."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        super().execute_run(run, batch, watch)
        size = run.request.width, run.request.height
        return [RasterImage(*size, "RGB", bytes([NEW]) * (size[0] * size[1] * 3)) for _ in batch.seeds]


def wanted(shop: Workshop, name: str, args: Any, **fields: Any) -> GenerationRequest:
    sent = shop.put(np.full((40, 50, 3), OLD, np.uint8))
    sizes = {"width": 64, "height": 64}
    return img2img([sent], script_name=name, script_args=args, **{**sizes, **fields})


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        (["left"], Borders(left=78)),
        (["right"], Borders(right=78)),
        (["left", "right"], Borders(left=71, right=71)),
        (["up", "down", "left"], Borders(left=78, up=76, down=76)),
    ],
)
def test_sides_that_grow_come_to_multiples_of_64(directions: list[str], expected: Borders) -> None:
    assert borders(50, 40, 70, directions) == expected


def test_mk2_draws_one_side_after_the_other() -> None:
    shop = shop_with(backend=Painter())
    result = shop.result(wanted(shop, MK2, ("", 8, 1, ["left", "right"])))
    assert len(shop.scripted.runs) == 2
    inits = [run.init for run in shop.scripted.runs]
    assert [init.masked_content for init in inits if init] == [MaskedContent.ORIGINAL] * 2
    [image] = result.images
    assert (image.width, image.height) == (128, 40)
    drawn = shop.pixels(result)
    assert (drawn[:, :38] == NEW).all()
    assert (drawn[:, -38:] == NEW).all()
    assert (drawn[20, 64] == OLD).all(), "the middle is untouched"
    assert "Mask blur" not in image.infotext, "it is blurred across the edge only"


def test_mk2_up_and_down_in_batches() -> None:
    shop = shop_with(backend=Painter())
    asked = wanted(shop, MK2, ("", 8, 0, ["down", "up"]), batch_size=2, n_iter=2, save_images=True)
    result = shop.result(asked)
    assert [batch.seeds for batch in shop.scripted.batches] == [(7, 8), (7, 8), (9, 10), (9, 10)]
    assert [(image.width, image.height) for image in result.images] == [(50, 64)] * 4
    assert result.info["all_seeds"] == [7, 8, 9, 10]
    assert len(shop.files.files) == 4
    drawn = shop.pixels(result)
    assert (drawn[:12] == NEW).all()
    assert (drawn[-12:] == NEW).all()
    assert (drawn[12:-12] == OLD).all(), "an unblurred mask ends at the edge"


def test_mk2_starts_from_noise_that_looks_like_the_picture() -> None:
    rng = np.random.default_rng(1)
    picture = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    known = np.ones((64, 64), bool)
    known[:, 40:] = False
    coarse = noise_like(picture, known, 1.0, 0.5)
    white = noise_like(picture, known, 0.0, 0.0)
    assert np.array_equal(coarse, noise_like(picture, known, 1.0, 0.5))
    assert abs(float(coarse.mean()) - float(picture[known].mean())) < 20
    assert roughness(coarse) < roughness(white)
    flat = noise_like(np.full((8, 8, 3), 90, np.uint8), known[:8, :8], 1.0, 0.5)
    assert (flat == 90).all()


def roughness(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    return float(np.abs(np.diff(pixels.astype(float), axis=1)).mean() / pixels.std())


def test_poor_man_draws_the_tiles_that_touch_what_is_new() -> None:
    shop = shop_with(backend=Painter())
    asked = wanted(shop, POOR, (8, 0, 2, ["right"]), width=32, height=40, n_iter=2)
    result = shop.result(asked)
    assert [(image.width, image.height) for image in result.images] == [(64, 40)] * 2
    assert seeds(shop) == [7, 8], "one tile of three, for each picture"
    inits = [run.init for run in shop.scripted.runs]
    assert [init.masked_content for init in inits if init] == [MaskedContent.LATENT_NOISE] * 2
    drawn = shop.pixels(result)
    assert (drawn[:, 50:] == NEW).all()
    assert (drawn[:, :32] == OLD).all()


def test_poor_man_with_a_blurred_mask_in_all_directions() -> None:
    shop = shop_with(backend=Painter())
    result = shop.result(wanted(shop, POOR, (8, 2), width=64, height=64))
    [image] = result.images
    assert (image.width, image.height) == (128, 64)
    assert "Mask blur: 4" in image.infotext
    assert "Masked content: fill" in image.infotext
    assert seeds(shop) == [7, 8, 9]
    drawn = shop.pixels(result)
    assert (drawn[0] == NEW).all()
    assert (drawn[32, 64] == OLD).all()


@pytest.mark.parametrize(
    ("name", "args"), [(MK2, ("", 8, 0, ["left", "up"])), (POOR, (8, 0, 1, ["left", "up"]))]
)
def test_an_interrupt_keeps_what_was_drawn(name: str, args: tuple[Any, ...]) -> None:
    shop = shop_with(backend=Painter())
    shop.scripted.on_run = lambda run, batch, watch: shop.service.interrupt()
    result = shop.result(wanted(shop, name, args, n_iter=2))
    assert len(shop.scripted.runs) == 1
    assert len(result.images) == 1


@pytest.mark.parametrize(("name", "args"), [(MK2, ("", 8, 0, ["left", "up"])), (POOR, (8, 0, 1, ["left"]))])
def test_a_picture_of_which_all_was_skipped_is_left_out(name: str, args: tuple[Any, ...]) -> None:
    class Skipped(Painter):
        def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
            pictures = super().execute_run(run, batch, watch)
            return () if len(self.runs) == 1 else pictures

    shop = shop_with(backend=Skipped())
    result = shop.result(wanted(shop, name, args, n_iter=2))
    assert len(result.images) == 1


@pytest.mark.parametrize(("name", "args"), [(MK2, ("", 8, 0)), (POOR, (8, 0))])
def test_a_mask_is_left_out_and_said_so(name: str, args: tuple[Any, ...]) -> None:
    shop = shop_with(backend=Painter())
    sent = shop.put(np.zeros((8, 8), np.uint8))
    masked = img2img([sent], {"mask": sent}, script_name=name, script_args=args)
    assert shop.result(masked).comments == (
        "Outpainting makes its own mask; the one that was sent was left out.",
    )


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        ([], r"direction is \[\]; it must name one of left, right, up, down"),
        (["north"], "Outpainting mk2: direction is 'north'; it must be one of left"),
        ("left", "direction is 'left'; it must be a list"),
    ],
)
def test_a_wrong_direction_says_why(direction: object, said: str) -> None:
    shop = shop_with()
    with pytest.raises(InvalidValue, match=said):
        shop.draw(wanted(shop, MK2, ("", 8, 0, direction)))


def test_it_needs_a_picture() -> None:
    args: Mapping[str, Any] = {"pixels": 8, "direction": ["left"]}
    with pytest.raises(InitImageMissing):
        mk2(request(), args, None)  # type: ignore[arg-type]
