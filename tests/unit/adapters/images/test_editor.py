from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image

from adapters.images.blur import blur as blur_axis
from adapters.images.blur import kernel
from adapters.images.color import lab_to_rgb, rgb_to_lab
from adapters.images.editor_pillow import PillowImageEditor
from contracts.image_codec import noise
from core.domain.errors import InvalidValue
from core.domain.image import ImageMode, RasterImage
from core.domain.request import ResizeMode

EDITOR = PillowImageEditor()


def mask(width: int, height: int, box: tuple[int, int, int, int], value: int = 255) -> RasterImage:
    pixels = np.zeros((height, width), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = value
    return RasterImage(width, height, "L", pixels.tobytes())


def plain(width: int, height: int, color: tuple[int, ...], mode: ImageMode = "RGB") -> RasterImage:
    return RasterImage(width, height, mode, bytes(color) * (width * height))


def array(image: RasterImage) -> np.ndarray:
    return np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, -1)


def test_flatten_puts_the_background_behind_transparency() -> None:
    image = RasterImage(3, 1, "RGBA", bytes([255, 0, 0, 255, 255, 0, 0, 0, 255, 0, 0, 128]))
    assert EDITOR.flatten(image, "#00ff00").pixels == bytes([255, 0, 0, 0, 255, 0, 128, 127, 0])
    assert EDITOR.flatten(plain(1, 1, (7,), "L"), "#ffffff") == plain(1, 1, (7, 7, 7))


def test_an_unknown_colour_is_an_invalid_value() -> None:
    with pytest.raises(InvalidValue, match="#ffffff"):
        EDITOR.flatten(plain(1, 1, (1, 2, 3, 4), "RGBA"), "not a colour")


@pytest.mark.parametrize("mode", [ResizeMode.STRETCH, ResizeMode.CROP, ResizeMode.FILL])
@pytest.mark.parametrize("size", [(64, 64), (64, 32), (31, 77), (1, 200), (200, 1), (37, 64)])
@pytest.mark.parametrize("image_mode", ["RGB", "L"])
def test_resize_gives_the_size_and_leaves_no_hole(
    mode: ResizeMode, size: tuple[int, int], image_mode: ImageMode
) -> None:
    image = plain(37, 64, (200,) * (3 if image_mode == "RGB" else 1), image_mode)
    resized = EDITOR.resize(image, *size, mode)
    assert (resized.size, resized.mode) == (size, image_mode)
    assert set(resized.pixels) == {200}


def test_latent_resizing_leaves_the_picture() -> None:
    assert EDITOR.resize(noise(5, 7), 64, 64, ResizeMode.LATENT) == noise(5, 7)


def test_crop_and_resize_cuts_the_sides() -> None:
    image = array(noise(60, 20))
    cut = RasterImage(20, 20, "RGB", image[:, 20:40].tobytes())
    assert EDITOR.resize(noise(60, 20), 20, 20, ResizeMode.CROP) == cut


def test_resize_and_fill_keeps_everything() -> None:
    filled = array(EDITOR.resize(noise(20, 10), 20, 20, ResizeMode.FILL))
    np.testing.assert_array_equal(filled[5:15], array(noise(20, 10)))
    assert (filled[0] == filled[4]).all()


def test_crop() -> None:
    np.testing.assert_array_equal(array(EDITOR.crop(noise(9, 8), (2, 3, 7, 5))), array(noise(9, 8))[3:5, 2:7])


def test_a_mask_is_the_brightness_of_an_opaque_picture() -> None:
    assert EDITOR.to_mask(plain(1, 1, (255, 255, 255)), True).pixels == b"\xff"
    assert EDITOR.to_mask(plain(1, 1, (9, 9, 9, 255), "RGBA"), True).pixels == b"\x09"


def test_a_mask_is_the_alpha_of_a_transparent_picture() -> None:
    image = RasterImage(4, 1, "RGBA", b"".join(bytes([0, 0, 0, alpha]) for alpha in (0, 128, 129, 255)))
    assert EDITOR.to_mask(image, True).pixels == bytes([0, 0, 255, 255])
    assert EDITOR.to_mask(image, False).pixels == bytes([0, 128, 129, 255])


def test_invert_scale_and_bounds() -> None:
    image = mask(10, 8, (2, 3, 5, 7), 100)
    assert EDITOR.bounds(image) == (2, 3, 5, 7)
    assert EDITOR.bounds(mask(4, 4, (0, 0, 0, 0))) is None
    assert set(EDITOR.invert(image).pixels) == {255, 155}
    assert set(EDITOR.scale_values(image, 2).pixels) == {0, 200}
    assert set(EDITOR.scale_values(image, 3).pixels) == {0, 255}


@pytest.mark.parametrize("sigma", [1, 2, 4, 9, 64, 1000])
def test_kernels_add_up(sigma: int) -> None:
    taps = kernel(sigma)
    assert sum(taps) == 256
    assert len(taps) == 2 * int(2.5 * sigma + 0.5) + 1
    assert taps == taps[::-1]


def test_blur_of_nothing_and_by_nothing() -> None:
    image = mask(20, 20, (5, 5, 15, 15))
    assert EDITOR.blur(image, 0, 0) == image
    assert EDITOR.blur(mask(1, 1, (0, 0, 1, 1)), 4, 4).pixels == b"\xff"


def test_blur_acts_along_its_axis() -> None:
    line = mask(21, 21, (10, 0, 11, 21))
    assert EDITOR.blur(line, 0, 4) == line
    assert len(set(EDITOR.blur(line, 2, 0).pixels)) > 3


def test_blur_mirrors_the_border_without_its_edge() -> None:
    row = np.array([[0, 0, 255, 0, 0, 0, 0]], np.uint8)
    taps = kernel(1)
    mirrored = np.pad(row[0].astype(int), len(taps) // 2, mode="reflect")
    expected = (np.correlate(mirrored, taps, "valid") + 128) >> 8
    np.testing.assert_array_equal(blur_axis(row, 1, axis=1)[0], expected)


def test_a_huge_blur_ends() -> None:
    values = EDITOR.blur(mask(8, 8, (0, 0, 4, 8)), 10**12, 10**12).pixels
    assert max(values) - min(values) < 10


@pytest.mark.parametrize("paste_to", [None, (8, 4, 16, 20)])
def test_overlay_keeps_the_outside_byte_for_byte(paste_to: tuple[int, int, int, int] | None) -> None:
    original = noise(40, 30)
    soft = EDITOR.blur(mask(40, 30, (10, 6, 22, 22)), 1, 1)
    result = EDITOR.overlay(plain(64, 64, (255, 0, 0)), original, soft, paste_to)
    outside = array(soft)[..., 0] == 0
    np.testing.assert_array_equal(array(result)[outside], array(original)[outside])
    white = array(soft)[..., 0] == 255
    assert white.any()
    assert (array(result)[white] == (255, 0, 0)).all()


def test_overlay_blends_where_the_mask_is_grey() -> None:
    grey = mask(4, 4, (0, 0, 4, 4), 128)
    result = EDITOR.overlay(plain(4, 4, (255, 255, 255)), plain(4, 4, (0, 0, 0)), grey, None)
    assert set(result.pixels) <= {127, 128, 129}


def test_overlay_scales_a_mask_of_another_size() -> None:
    result = EDITOR.overlay(noise(8, 8), noise(16, 16), mask(8, 8, (0, 0, 0, 0)), None)
    assert result == noise(16, 16)


def test_fill_leaves_the_outside_and_covers_the_inside() -> None:
    hole = mask(32, 32, (8, 8, 24, 24))
    image = plain(32, 32, (30, 60, 90))
    filled = array(EDITOR.fill_masked(image, hole))
    assert np.abs(filled.astype(int) - (30, 60, 90)).max() <= 5
    rest = array(hole)[..., 0] == 0
    np.testing.assert_array_equal(filled[rest], array(image)[rest])


def test_lab_is_that_of_the_textbook() -> None:
    colors = np.array(
        [[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [119, 119, 119]]], np.uint8
    )
    expected = [
        [255, 128, 128],
        [0, 128, 128],
        [136, 208, 195],
        [224, 42, 211],
        [82, 207, 20],
        [128, 128, 128],
    ]
    assert np.abs(rgb_to_lab(colors)[0].astype(int) - expected).max() <= 1


def test_lab_and_back() -> None:
    colors = array(noise(32, 32))
    back = lab_to_rgb(rgb_to_lab(colors)).astype(int)
    assert np.abs(back - colors).mean() < 2


def test_match_colors_of_itself_is_nearly_itself() -> None:
    image = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    raster = RasterImage(64, 64, "RGB", image.tobytes())
    assert np.abs(array(EDITOR.match_colors(raster, raster)).astype(int) - array(raster)).max() <= 2


def test_match_colors_takes_the_hue_and_keeps_the_luminosity() -> None:
    rng = np.random.default_rng(1)
    grey = np.repeat(rng.integers(60, 180, (32, 32, 1)), 3, -1).astype(np.uint8)
    red = np.clip(grey + np.array([60, -30, -30]), 0, 255).astype(np.uint8)
    image, reference = (RasterImage(32, 32, "RGB", pixels.tobytes()) for pixels in (grey, red))
    result = array(EDITOR.match_colors(image, reference)).astype(float)
    luma = np.array([0.3, 0.59, 0.11])
    assert np.abs(result @ luma - grey @ luma).max() < 2
    mean = result.reshape(-1, 3).mean(0) / 255
    hue, _, saturation = colorsys.rgb_to_hls(*mean)
    assert saturation > 0.1
    assert min(hue, 1 - hue) < 0.1


def test_a_grid_centres_small_pictures() -> None:
    pictures = [plain(4, 4, (255, 0, 0)), plain(2, 2, (0, 255, 0)), plain(4, 4, (0, 0, 255))]
    sheet = array(EDITOR.grid(pictures, 2, 2, "#ffffff"))
    assert sheet.shape == (8, 8, 3)
    assert (sheet[:4, :4] == (255, 0, 0)).all()
    assert (sheet[1:3, 5:7] == (0, 255, 0)).all()
    assert (sheet[0, 4:] == 255).all()
    assert (sheet[4:, :4] == (0, 0, 255)).all()
    assert (sheet[4:, 4:] == 255).all()
