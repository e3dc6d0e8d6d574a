"""What options save beside the pictures: texts, masks, smaller pictures, what img2img starts from."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.domain.image import ImageFormat, RasterImage
from core.domain.result import GenerationResult
from core.drafts import ImageDraft, SaveDraft
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import Workshop, img2img, request

DAY = "2026-01-02"
FOLDER = f"outputs/txt2img-images/{DAY}"
START: NDArray[np.uint8] = np.random.default_rng(4).integers(0, 256, (16, 16, 3), np.uint8)
MASK = np.zeros((16, 16), np.uint8)
MASK[4:8, 4:8] = 255


class Gives:
    """A plugin that puts a picture of that size in place of each that was drawn."""

    def __init__(self, width: int, height: int) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, width * height * 3, np.uint8)
        self.image = RasterImage(width, height, "RGB", pixels.tobytes())

    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        draft.image = self.image


def saved(shop: Workshop, **fields: Any) -> dict[str, bytes]:
    shop.result(request(save_images=True, **fields))
    return dict(shop.files.files)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def masked(shop: Workshop) -> GenerationResult:
    params = {"mask": shop.put(MASK), "mask_blur_x": 0, "mask_blur_y": 0, "only_masked": False}
    return shop.result(img2img([shop.put(START)], params, save_images=True))


@pytest.mark.parametrize("in_picture", [True, False])
def test_the_infotext_as_a_file_of_its_own(in_picture: bool) -> None:
    shop = Workshop(changed={"save_txt": True, "enable_pnginfo": in_picture})
    result = shop.result(request(save_images=True, batch_size=2))
    files = shop.files.files
    assert sorted(files) == [
        f"outputs/txt2img-grids/{DAY}/grid-0000.png", f"outputs/txt2img-grids/{DAY}/grid-0000.txt",
        f"{FOLDER}/00000-7.png", f"{FOLDER}/00000-7.txt", f"{FOLDER}/00001-8.png", f"{FOLDER}/00001-8.txt",
    ]  # fmt: skip
    assert files[f"{FOLDER}/00000-7.txt"].decode() == result.images[1].infotext + "\n"
    assert bool(shop.codec.read_info(files[f"{FOLDER}/00000-7.png"])[0]) == in_picture


class Renames:
    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        draft.infotext, draft.stem = "mine", "named"


def test_a_plugin_says_what_the_text_file_holds() -> None:
    files = saved(Workshop(changed={"save_txt": True}, plugins={"renames": Renames()}))
    assert files[f"{FOLDER}/00000-named.txt"] == b"mine\n"


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"target_side_length": 24}, (24, 12)),
        ({"target_side_length": 64}, None),
        ({"img_downscale_threshold": 0.001}, (48, 24)),
        ({"img_downscale_threshold": 0.001, "target_side_length": 10}, (10, 5)),
        ({"img_downscale_threshold": 0.001, "export_for_4chan": False}, None),
        ({"img_downscale_threshold": 0.001, "samples_format": "jpg"}, None),
        ({"target_side_length": 24, "samples_format": "webp"}, (24, 12)),
        ({}, None),
    ],
)
def test_a_large_picture_is_saved_a_second_time(
    options: dict[str, Any], size: tuple[int, int] | None
) -> None:
    files = saved(Workshop(changed=options, plugins={"gives": Gives(48, 24)}))
    assert len(files) == (1 if size is None else 2)
    if size is not None:
        small = opened(files[f"{FOLDER}/00000-7.jpg"])
        assert (small.format, small.size) == ("JPEG", size)


def test_a_second_picture_carries_the_infotext_too() -> None:
    shop = Workshop(changed={"target_side_length": 8})
    files = saved(shop)
    assert shop.codec.read_info(files[f"{FOLDER}/00000-7.jpg"])[0].startswith("a cat")


def test_webp_without_loss_is_for_files_only() -> None:
    gives = Gives(16, 16)
    shop = Workshop(changed={"samples_format": "webp", "webp_lossless": True}, plugins={"gives": gives})
    result = shop.result(request(save_images=True))
    assert shop.codec.decode(shop.files.files[f"{FOLDER}/00000-7.webp"]) == gives.image
    assert shop.codec.decode(shop.service.image(result.images[0].blob)) != gives.image


@pytest.mark.parametrize(
    ("wanted", "height", "got"),
    [
        ("webp", 16384, "png"),
        ("webp", 16383, "webp"),
        ("jpg", 65501, "png"),
        ("jpeg", 65500, "jpeg"),
        ("avif", 16385, "png"),
    ],
)
def test_a_picture_too_long_for_its_format_is_a_png(wanted: ImageFormat, height: int, got: str) -> None:
    shop = Workshop(changed={"samples_format": wanted}, plugins={"gives": Gives(1, height)})
    result = shop.result(request(save_images=True, override_settings={"export_for_4chan": False}))
    assert result.images[0].format == got
    assert list(shop.files.files) == [f"{FOLDER}/00000-7.{got}"]
    assert opened(shop.service.image(result.images[0].blob)).size == (1, height)


@pytest.mark.parametrize(
    ("action", "names"), [("Replace", ["7.png"]), ("Add number suffix", ["7.png", "7-1.png"])]
)
def test_files_without_a_number_replace_or_stand_beside_those_before(action: str, names: list[str]) -> None:
    shop = Workshop(changed={"save_images_add_number": False, "save_images_replace_action": action})
    saved(shop)
    assert list(saved(shop, prompt="another")) == [f"{FOLDER}/{name}" for name in names]
    last = shop.files.files[f"{FOLDER}/{names[-1]}"]
    assert shop.codec.read_info(last)[0].startswith("another")


def test_masks_are_saved_without_being_returned() -> None:
    shop = Workshop(changed={"save_mask": True, "save_mask_composite": True})
    result = masked(shop)
    assert len(result.images) == len(result.info["infotexts"]) == 1
    folder = f"outputs/img2img-images/{DAY}"
    files = shop.files.files
    assert list(files) == [
        f"{folder}/00000-7.png", f"{folder}/00001-7-mask.png", f"{folder}/00002-7-mask-composite.png"
    ]  # fmt: skip
    assert np.array_equal(np.asarray(opened(files[f"{folder}/00001-7-mask.png"]))[..., 0], MASK)
    assert opened(files[f"{folder}/00002-7-mask-composite.png"]).mode == "RGBA"


@pytest.mark.parametrize("options", [{"samples_save": False, "save_mask": True, "save_txt": True}, {}])
def test_masks_and_texts_go_with_saved_pictures_only(options: dict[str, Any]) -> None:
    shop = Workshop(changed=options)
    masked(shop)
    assert len(shop.files.files) == (0 if options else 1)


def test_the_picture_before_its_colours_were_corrected() -> None:
    gives = Gives(16, 16)
    changed = {"img2img_color_correction": True, "save_images_before_color_correction": True}
    shop = Workshop(changed=changed, plugins={"gives": gives})
    dark = np.full((16, 16, 3), 20, np.uint8)
    result = shop.result(img2img([shop.put(dark)], save_images=True))
    before, after = (shop.codec.decode(data) for data in shop.files.files.values())
    assert [path.rpartition("/")[2] for path in shop.files.files] == [
        "00000-7-before-color-correction.png", "00001-7.png"
    ]  # fmt: skip
    assert before == gives.image != after
    assert len(result.images) == 1


def test_what_img2img_starts_from_is_kept_under_its_hash() -> None:
    shop = Workshop(changed={"save_init_img": True})
    digest = hashlib.md5(START.tobytes()).hexdigest()
    for _ in range(2):
        result = shop.result(img2img([shop.put(START)]))
    assert list(shop.files.files) == [f"outputs/init-images/{digest}.png"]
    assert shop.codec.decode(shop.files.files[f"outputs/init-images/{digest}.png"]).pixels == START.tobytes()
    assert f"Init image hash: {digest}" in result.images[0].infotext
    assert result.info["extra_generation_params"]["Init image hash"] == digest
    assert "Init image hash" not in Workshop().result(request()).images[0].infotext


def test_a_long_name_is_cut_so_that_its_ending_stays() -> None:
    changed = {"samples_filename_pattern": "[prompt]", "save_mask": True, "save_txt": True}
    shop = Workshop(changed=changed)
    params = {"mask": shop.put(MASK)}
    shop.result(img2img([shop.put(START)], params, prompt="\u732b" * 128, save_images=True))
    names = [path.rpartition("/")[2] for path in shop.files.files]
    assert [name.rpartition("\u732b")[2] for name in names] == [".png", ".txt", "-mask.png"]
    assert max(len(name.encode()) for name in names) <= 255
