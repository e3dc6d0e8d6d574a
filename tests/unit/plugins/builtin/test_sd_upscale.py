"""SD upscale: a picture enlarged and drawn over tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.image import RasterImage
from core.domain.limits import RequestLimits
from core.domain.request import GenerationRequest
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from plugins.builtin.sd_upscale import run as sd_upscale
from plugins.builtin.tiles import TiledPicture
from tests.unit.core.workshop import ScriptedBackend, Workshop, img2img, request
from tests.unit.plugins.builtin.shop import seeds, shop_with


class Echo(ScriptedBackend):
    """Draws what it was given to start from, a little brighter.

    :ivar last: how many batches it draws; the pass after is interrupted or skipped.
    """

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        super().execute_run(run, batch, watch)
        assert run.init is not None
        return [_brighter(image) for image in run.init.images]


def _brighter(image: RasterImage) -> RasterImage:
    pixels = np.frombuffer(image.pixels, np.uint8) + 10
    return RasterImage(image.width, image.height, image.mode, pixels.tobytes())


def gradient(width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    across = np.linspace(0, 200, width)[None, :, None] * np.ones((height, 1, 3))
    return across.astype(np.uint8)


def wanted(shop: Workshop, *args: Any, size: tuple[int, int] = (32, 24), **fields: Any) -> GenerationRequest:
    sent = shop.put(gradient(*size))
    return img2img([sent], script_name="SD upscale", script_args=args, **fields)


def test_the_whole_picture_comes_back_without_a_seam() -> None:
    shop = shop_with(backend=Echo())
    result = shop.result(wanted(shop, "", 8, "lanczos", 2.0, width=32, height=32))
    [image] = result.images
    assert (image.width, image.height) == (64, 48)
    drawn = shop.pixels(result).astype(int)
    assert (drawn[:, 1:] - drawn[:, :-1]).max() <= 10, "no tile can be told from its neighbour"
    assert drawn[:, 0].max() == 10
    assert len(shop.scripted.runs) == 6
    assert all(run.init is not None and run.init.images[0].size == (32, 32) for run in shop.scripted.runs)


def test_its_infotext_and_its_file_are_those_of_a_picture() -> None:
    shop = shop_with(backend=Echo())
    result = shop.result(wanted(shop, None, 8, 1, 2.0, width=32, height=32, save_images=True))
    [image] = result.images
    assert "SD upscale overlap: 8, SD upscale upscaler: Lanczos, Version: v1.10.1-test" in image.infotext
    assert image.path is not None
    assert "grid" not in str(image.path)
    assert len(shop.files.files) == 1, "tiles are not saved"
    assert result.info["index_of_first_image"] == 0
    assert result.info["all_seeds"] == [7]


def test_tiles_are_drawn_in_batches_each_with_the_next_seed() -> None:
    shop = shop_with(backend=Echo())
    result = shop.result(
        wanted(shop, "", 0, "None", width=16, height=16, size=(48, 16), batch_size=2, n_iter=2)
    )
    assert [batch.seeds for batch in shop.scripted.batches] == [(7, 8), (8,), (8, 9), (9,)]
    assert [(image.width, image.height) for image in result.images] == [(48, 16)] * 2
    assert result.info["all_seeds"] == [7, 8]
    drawn = shop.pixels(result)
    assert np.array_equal(drawn, gradient(48, 16) + 10), "without an upscaler it keeps its size"


def test_a_picture_smaller_than_a_tile_is_one_tile() -> None:
    shop = shop_with(backend=Echo())
    result = shop.result(wanted(shop, "", 64, "None", width=64, height=64, size=(21, 12)))
    assert [(image.width, image.height) for image in result.images] == [(21, 12)]
    assert (shop.scripted.runs[0].request.width, shop.scripted.runs[0].request.height) == (16, 8)


def test_an_interrupt_keeps_the_tiles_that_were_drawn() -> None:
    def stop(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        if len(shop.scripted.runs) == 2:
            shop.service.interrupt()

    shop = shop_with(backend=Echo())
    shop.scripted.on_run = stop
    result = shop.result(wanted(shop, "", 0, "None", width=16, height=16, size=(48, 16)))
    drawn, before = shop.pixels(result), gradient(48, 16)
    assert np.array_equal(drawn[:, :32], before[:, :32] + 10)
    assert np.array_equal(drawn[:, 32:], before[:, 32:]), "the last tile is as it was"


def test_a_mask_is_left_out_and_said_so() -> None:
    shop = shop_with(backend=Echo())
    sent, mask = shop.put(gradient(16, 16)), shop.put(gradient(16, 16))
    masked = img2img([sent], {"mask": mask}, script_name="sd upscale")
    assert shop.result(masked).comments == ("SD upscale draws the whole picture; the mask was left out.",)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("", 8, "Nope"), "SD upscale: upscaler is 'Nope'; it must be one of None, Lanczos, Nearest"),
        (("", 8, 3), "SD upscale: upscaler is '3'"),
        (("", 8, "Lanczos", 4), "scale factor is 4.0; 128x96 would come out; at most 1000 pixels may"),
        (("", 8, "Lanczos", 5), "it must be at most 4"),
    ],
)
def test_what_cannot_be_is_refused(args: tuple[Any, ...], said: str) -> None:
    shop = shop_with(backend=Echo(), limits=RequestLimits(max_pixels=1000))
    with pytest.raises(InvalidValue, match=said):
        shop.draw(wanted(shop, *args))


def test_too_many_tiles_are_refused_before_one_is_drawn() -> None:
    shop = shop_with(backend=Echo(), limits=RequestLimits(max_images=3))
    with pytest.raises(InvalidValue, match="pictures of the script SD upscale is 12; at most 3"):
        shop.draw(wanted(shop, "", 0, "Lanczos", 2.0, width=16, height=16))
    assert seeds(shop) == []


def test_it_needs_a_picture() -> None:
    with pytest.raises(InitImageMissing):
        sd_upscale(request(), {}, None)  # type: ignore[arg-type]


def test_a_plugin_that_takes_tiles_away_leaves_what_was_there() -> None:
    picture = RasterImage(24, 8, "RGB", bytes(24 * 8 * 3))
    tiled = TiledPicture(24, 8, (8, 8), 0)
    transparent = RasterImage(4, 4, "RGBA", bytes([255, 255, 255, 0]) * 16)
    combined = tiled.combined(picture, {tiled.tiles[1]: transparent})
    row = np.frombuffer(combined.pixels, np.uint8).reshape(8, 24, 3)[0, :, 0]
    assert row.tolist() == [0] * 8 + [255] * 8 + [0] * 8
