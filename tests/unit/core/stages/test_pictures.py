"""Init pictures, masks, second passes, grids and files, through the runner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.domain.errors import InvalidImage, InvalidValue, PluginError, StorageError
from core.domain.image import BlobRef, RasterImage
from core.domain.request import HiresParams, MaskedContent, ResizeMode
from core.drafts import BatchDraft, ImageDraft, RequestDraft, ResultDraft, SaveDraft
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import Workshop, img2img, request

RNG = np.random.default_rng(4)
START: NDArray[np.uint8] = RNG.integers(0, 256, (32, 48, 3), np.uint8)
NOISE = RasterImage(16, 16, "RGB", RNG.integers(0, 256, 768, np.uint8).tobytes())
BLACK = np.zeros((32, 48), np.uint8)


def box(top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
    mask = BLACK.copy()
    mask[top:bottom, left:right] = 255
    return mask


def draw(
    shop: Workshop, mask: NDArray[np.uint8] | None = None, init: dict[str, Any] | None = None, **fields: Any
) -> NDArray[np.uint8]:
    params = {"mask_blur_x": 0, "mask_blur_y": 0, **(init or {})}
    if mask is not None:
        params["mask"] = shop.put(mask)
    size = {"width": 48, "height": 32, **fields}
    return shop.pixels(shop.result(img2img([shop.put(START)], params, **size)))


@pytest.mark.parametrize("only_masked", [True, False])
@pytest.mark.parametrize("content", list(MaskedContent))
def test_outside_the_mask_nothing_changes(only_masked: bool, content: MaskedContent) -> None:
    shop = Workshop()
    mask = box(8, 16, 16, 32)
    drawn = draw(shop, mask, {"only_masked": only_masked, "masked_content": content})
    assert drawn.shape == START.shape
    assert np.array_equal(drawn[mask == 0], START[mask == 0])
    assert not np.array_equal(drawn[mask == 255], START[mask == 255])
    init = shop.scripted.runs[0].init
    assert init is not None
    assert init.masked_content is content
    assert init.mask is not None
    assert init.mask.size == init.images[0].size == (48, 32)


def test_only_the_masked_part_is_cut_out_and_pasted_back() -> None:
    shop = Workshop()
    drawn = draw(
        shop, box(8, 16, 16, 32), {"only_masked": True, "only_masked_padding": 2}, width=16, height=16
    )
    assert drawn.shape == START.shape
    init = shop.scripted.runs[0].init
    assert init is not None
    assert init.images[0].size == (16, 16)
    outside = box(8, 16, 16, 32) == 0
    assert np.array_equal(drawn[outside], START[outside])


def test_an_inverted_mask_keeps_what_was_white() -> None:
    mask = box(0, 32, 0, 24)
    drawn = draw(Workshop(), mask, {"mask_invert": True})
    assert np.array_equal(drawn[mask == 255], START[mask == 255])


@pytest.mark.parametrize(("only_masked", "told"), [(True, True), (False, False)])
def test_an_empty_mask(only_masked: bool, told: bool) -> None:
    shop = Workshop()
    params = {"mask": shop.put(BLACK), "only_masked": only_masked}
    result = shop.result(img2img([shop.put(START)], params, width=48, height=32))
    assert bool(result.comments) == told
    assert "Inpaint area" not in result.images[0].infotext
    init = shop.scripted.runs[0].init
    assert init is not None
    assert (init.mask is None) == told


def test_without_overlay_the_picture_stays_as_it_was_drawn() -> None:
    shop = Workshop(changed={"overlay_inpaint": False})
    drawn = draw(shop, box(8, 16, 16, 32), {"only_masked": False})
    assert not np.array_equal(drawn[0], START[0])


@pytest.mark.parametrize("mode", list(ResizeMode))
@pytest.mark.parametrize("mask", [None, box(8, 16, 16, 32)], ids=["plain", "mask"])
def test_init_pictures_come_to_the_size_asked_for(mode: ResizeMode, mask: NDArray[np.uint8] | None) -> None:
    shop = Workshop()
    draw(shop, mask, {"resize_mode": mode, "only_masked": False, "masked_content": 0}, width=32, height=64)
    init = shop.scripted.runs[0].init
    assert init is not None
    assert init.images[0].size == ((48, 32) if mode is ResizeMode.LATENT else (32, 64))
    assert init.mask is None or init.mask.size == (32, 64)


def test_transparency_falls_on_the_background() -> None:
    shop = Workshop()
    clear = np.zeros((16, 16, 4), np.uint8)
    shop.result(img2img([shop.put(clear)], override_settings={"img2img_background_color": "#ff0000"}))
    init = shop.scripted.runs[0].init
    assert init is not None
    assert init.images[0].pixels[:3] == b"\xff\x00\x00"


class DrawsNoise:
    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        draft.image = NOISE


def test_each_picture_of_a_batch_has_its_own_start_and_colours() -> None:
    shop = Workshop(plugins={"noise": DrawsNoise()})
    starts = [np.full((16, 16, 3), value, np.uint8) for value in (10, 200)]
    overrides = {"img2img_color_correction": True, "return_grid": False}
    result = shop.result(img2img([shop.put(s) for s in starts], batch_size=2, override_settings=overrides))
    init = shop.scripted.runs[0].init
    assert init is not None
    assert [image.pixels[0] for image in init.images] == [10, 200]
    for index, start in enumerate(starts):
        wanted = shop.editor.match_colors(NOISE, RasterImage(16, 16, "RGB", start.tobytes()))
        assert shop.pixels(result, index).tobytes() == wanted.pixels


def test_fewer_pictures_than_the_batch_make_it_smaller() -> None:
    shop = Workshop()
    pictures = [shop.put(START), shop.put(255 - START)]
    result = shop.result(img2img(pictures, batch_size=3, n_iter=2))
    assert [batch.seeds for batch in shop.scripted.batches] == [(7, 8), (9, 10)]
    assert result.info["batch_size"] == 2
    with pytest.raises(InvalidValue, match="init_images"):
        shop.result(img2img([shop.put(START), shop.put(255 - START)]))


def test_a_picture_that_is_gone_is_told() -> None:
    with pytest.raises(InvalidImage, match="send it again"):
        Workshop().result(img2img([BlobRef("0" * 64)]))


def test_masks_are_returned_behind_their_picture() -> None:
    shop = Workshop(changed={"return_mask": True, "return_mask_composite": True})
    mask = box(8, 16, 16, 32)
    params = {"mask": shop.put(mask), "mask_blur_x": 0, "mask_blur_y": 0, "only_masked": False}
    result = shop.result(
        img2img([shop.put(START)], params, width=48, height=32, save_images=True, batch_size=2)
    )
    pictures = [shop.pixels(result, index) for index in range(len(result.images))]
    assert [picture.shape[-1] for picture in pictures] == [3, 3, 3, 4, 3, 3, 4]
    assert np.array_equal(pictures[2][..., 0], mask)
    assert np.array_equal(pictures[3][..., 3], mask)
    assert len(result.info["infotexts"]) == 3
    assert [image.path is None for image in result.images] == [False, False, True, True, False, True, True]


@pytest.mark.parametrize(
    ("hires", "options", "first", "final", "told"),
    [
        (HiresParams(scale=2), {}, (32, 16), (64, 32), "Hires upscale: 2"),
        (HiresParams(resize_x=64), {}, (32, 16), (64, 32), "Hires resize: 64x0"),
        (HiresParams(resize_x=48, resize_y=48), {}, (32, 16), (48, 48), "Hires resize: 48x48"),
        (HiresParams(scale=2, firstphase_width=16), {}, (16, 16), (32, 32), "Hires upscale: 2"),
        (
            HiresParams(),
            {"use_old_hires_fix_width_height": True},
            (768, 384),
            (32, 16),
            "Hires resize: 32x16",
        ),
    ],
)
def test_sizes_of_a_second_pass(
    hires: HiresParams, options: dict[str, Any], first: tuple[int, int], final: tuple[int, int], told: str
) -> None:
    shop = Workshop(changed=options)
    result = shop.result(request(width=32, height=16, hires=hires, denoising_strength=0.5))
    run = shop.scripted.runs[0]
    assert run.hires is not None
    assert run.hires.sizes.first == first
    assert run.hires.sizes.final == final
    assert (run.request.width, run.request.height) == first
    assert (result.info["width"], result.info["height"]) == first
    assert f"Size: {first[0]}x{first[1]}" in result.images[0].infotext
    assert told in result.images[0].infotext
    assert run.hires.upscaler == "Latent"


def test_a_second_pass_of_its_own() -> None:
    hires = HiresParams(
        prompt="a dog # not a cat", negative_prompt="blur", sampler_name="Heun", scheduler="Karras",
        second_pass_steps=5, upscaler="Lanczos",
    )  # fmt: skip
    shop = Workshop()
    result = shop.result(request(hires=hires, denoising_strength=0.5))
    run, batch = shop.scripted.runs[0], shop.scripted.batches[0]
    assert run.hires is not None
    assert (run.hires.plan.sampler.name, run.hires.plan.steps, run.hires.upscaler) == ("Heun", 5, "Lanczos")
    assert batch.hires_prompts[0].strip() == "a dog"
    assert batch.hires_negative_prompts == ("blur",)
    text = result.images[0].infotext
    assert "Hires sampler: Heun, Hires prompt:" in text
    assert (
        "Hires negative prompt: blur, Hires schedule type: Karras, Hires upscale: 2.0, Hires steps: 5" in text
    )


def test_files_are_numbered_below_their_folder_of_the_day() -> None:
    shop = Workshop()
    for seed in (5, 6):
        shop.result(request(seed=seed, save_images=True))
    assert list(shop.files.files) == [
        f"outputs/txt2img-images/2026-01-02/0000{n}-{seed}.png" for n, seed in ((0, 5), (1, 6))
    ]


def test_a_grid_comes_first_and_has_a_folder_of_its_own() -> None:
    shop = Workshop()
    result = shop.result(request(save_images=True, batch_size=2, n_iter=2))
    assert [(image.width, image.height) for image in result.images] == [(32, 32)] + [(16, 16)] * 4
    assert result.images[0].path == "outputs/txt2img-grids/2026-01-02/grid-0000.png"
    assert result.info["index_of_first_image"] == 1
    assert len(result.info["infotexts"]) == 5
    assert result.images[0].infotext == result.images[1].infotext
    assert [image.seed for image in result.images] == [7, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("options", "returned", "saved"),
    [
        ({"return_grid": False}, 2, 3),
        ({"grid_save": False}, 3, 2),
        ({"return_grid": False, "grid_save": False}, 2, 2),
        ({"samples_save": False}, 3, 1),
        ({}, 3, 3),
    ],
)
def test_a_grid_is_returned_and_saved_each_by_its_option(
    options: dict[str, Any], returned: int, saved: int
) -> None:
    shop = Workshop(changed=options)
    result = shop.result(request(save_images=True, batch_size=2))
    assert len(result.images) == len(result.info["infotexts"]) == returned
    assert len(shop.files.files) == saved


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (
            {"samples_filename_pattern": "[steps]-[sampler]"},
            "outputs/txt2img-images/2026-01-02/00000-2-Euler.png",
        ),
        ({"save_to_dirs": False}, "outputs/txt2img-images/00000-7-a cat.png"),
        ({"outdir_txt2img_samples": "mine\\here"}, "mine/here/2026-01-02/00000-7.png"),
        ({"save_images_add_number": False}, "outputs/txt2img-images/2026-01-02/7.png"),
        ({"directories_filename_pattern": ""}, "outputs/txt2img-images/a cat/00000-7.png"),
        ({"samples_format": "jpg"}, "outputs/txt2img-images/2026-01-02/00000-7.jpg"),
    ],
)
def test_options_name_the_files(options: dict[str, Any], path: str) -> None:
    shop = Workshop(changed=options)
    assert shop.result(request(save_images=True)).images[0].path == path


@pytest.mark.parametrize("folder", ["/etc", "../up", "a/../../b", "\\\\host\\share"])
def test_no_folder_leads_out_of_the_data_folder(folder: str) -> None:
    shop = Workshop(changed={"outdir_txt2img_samples": folder})
    with pytest.raises(InvalidValue, match="below the data folder"):
        shop.result(request(save_images=True))
    assert dict(shop.files.files) == {}
    assert len(shop.blobs) == 0


def test_a_grid_in_another_format_is_encoded_for_the_file_only() -> None:
    shop = Workshop(changed={"grid_format": "jpg"})
    result = shop.result(request(save_images=True, batch_size=2))
    assert result.images[0].format == "png"
    assert result.images[0].path is not None
    assert shop.files.files[result.images[0].path].startswith(b"\xff\xd8")


def test_pictures_may_go_without_their_infotext() -> None:
    shop = Workshop(changed={"enable_pnginfo": False})
    result = shop.result(request())
    assert shop.codec.read_info(shop.service.image(result.images[0].blob))[0] == ""
    assert result.images[0].infotext.startswith("a cat")


def test_unsaved_pictures_write_nothing() -> None:
    shop = Workshop()
    assert shop.result(request()).images[0].path is None
    assert dict(shop.files.files) == {}


class Editing:
    """Edits at each hook."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self.calls.append("prepare")
        draft.prompt += " in rain"
        draft.negative_prompt += "dry"
        draft.change(steps=3)
        draft.set_option("CLIP_stop_at_last_layers", 2)
        draft.extra_generation_params["Weather"] = "wet"
        draft.comments.append("it rains")
        assert (draft.prompt, draft.negative_prompt) == ("a cat in rain", "dry")

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        self.calls.append(f"before_batch {draft.index}")
        draft.seeds[0] = 99
        draft.prompts[0] += "!"

    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        self.calls.append(f"image {draft.index}")
        draft.image = RasterImage(8, 8, "RGB", b"\x01" * 192)
        draft.infotext_params["Drops"] = draft.index

    @hookimpl
    def serena_finalize(self, draft: ResultDraft) -> None:
        self.calls.append("finalize")
        draft.infotexts[0] += ", Late: yes"
        draft.comments.append("done")

    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        self.calls.append("before_save")
        draft.folder.append("wet")
        draft.stem = "rain"
        draft.format = "webp"

    @hookimpl
    def serena_saved(self, run_id: str, path: str) -> None:
        self.calls.append(f"saved {path}")


def test_a_plugin_edits_everything_in_order() -> None:
    editing = Editing()
    shop = Workshop(plugins={"editing": editing})
    result = shop.result(request(save_images=True))
    assert editing.calls == [
        "prepare", "before_batch 0", "image 0", "finalize", "before_save",
        "saved outputs/txt2img-images/2026-01-02/wet/00000-rain.webp",
    ]  # fmt: skip
    assert shop.scripted.runs[0].request.steps == 3
    assert shop.scripted.batches[0].prompts == ("a cat in rain!",)
    image = result.images[0]
    assert (image.width, image.seed) == (8, 99)
    assert image.infotext.startswith("a cat in rain!\nNegative prompt: dry\nSteps: 3")
    assert "Seed: 99" in image.infotext
    assert "Clip skip: 2, Weather: wet, Drops: 0" in image.infotext
    assert image.infotext.endswith("Late: yes")
    assert result.comments == ("it rains", "done")
    assert result.info["extra_generation_params"] == {"Weather": "wet"}


class Breaking:
    def __init__(self, **hooks: Any) -> None:
        self._hooks = hooks

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        self._hooks.get("before_batch", lambda _: None)(draft)

    @hookimpl
    def serena_finalize(self, draft: ResultDraft) -> None:
        self._hooks.get("finalize", lambda _: None)(draft)

    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        self._hooks.get("before_save", lambda _: None)(draft)

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self._hooks.get("prepare", lambda _: None)(draft)


@pytest.mark.parametrize(
    ("hooks", "error", "named"),
    [
        ({"before_batch": lambda draft: draft.seeds.append(1)}, PluginError, "2 seeds, 1 subseeds"),
        ({"finalize": lambda draft: draft.infotexts.clear()}, PluginError, "1 images and 0 infotexts"),
        ({"prepare": lambda draft: draft.change(steps=0)}, InvalidValue, "steps"),
        ({"prepare": lambda draft: draft.change(colour=1)}, PluginError, "colour"),
        ({"before_save": lambda draft: draft.folder.append("..")}, StorageError, "cannot be the name"),
    ],
)
def test_what_a_plugin_breaks_is_told_and_leaves_nothing(
    hooks: dict[str, Any], error: type[Exception], named: str
) -> None:
    shop = Workshop(plugins={"breaking": Breaking(**hooks)})
    with pytest.raises(error, match=named):
        shop.result(request(save_images=True))
    assert len(shop.blobs) == 0


def test_a_plugin_may_drop_every_picture_or_bring_its_own_grid() -> None:
    assert Workshop(plugins={"p": Breaking(finalize=_drop)}).result(request(batch_size=2)).images == ()
    shop = Workshop(plugins={"p": Breaking(finalize=_own_grid)})
    result = shop.result(request(batch_size=2, save_images=True))
    assert len(result.images) == 3
    assert result.info["index_of_first_image"] == 1


def _drop(draft: ResultDraft) -> None:
    draft.images.clear()
    draft.infotexts.clear()


def _own_grid(draft: ResultDraft) -> None:
    draft.images.insert(0, draft.images[0])
    draft.infotexts.insert(0, draft.infotexts[0])
    draft.first_image = 1
