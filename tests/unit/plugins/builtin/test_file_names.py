"""Names of files are made by a plugin like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from core.domain.errors import StorageError
from core.domain.filenames import fit
from core.domain.image import RasterImage
from core.drafts import SaveDraft
from plugins.builtin import builtin_plugins
from plugins.builtin.file_names import MOST_PATTERN, FileNamesPlugin
from plugins.hookspecs import hookimpl
from plugins.manager import load_plugins
from tests.unit.core.stages.test_extra_files import MASK, START
from tests.unit.core.workshop import NOW, Workshop, img2img, request

BATCH = {"batch_size": 2, "save_images": True}


class Sees:
    """Keeps what it is handed, and does one thing with it."""

    def __init__(self, stem: str | None = None, folder: tuple[str, ...] = ()) -> None:
        self.drafts: list[SaveDraft] = []
        self.stems: list[str] = []
        self._stem, self._folder = stem, folder

    def look(self, draft: SaveDraft) -> None:
        self.drafts.append(draft)
        self.stems.append(draft.stem)
        draft.folder += self._folder
        draft.stem = draft.stem if self._stem is None else self._stem

    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        self.look(draft)


class SeesFirst(Sees):
    @hookimpl(tryfirst=True)
    def serena_before_save(self, draft: SaveDraft) -> None:
        self.look(draft)


class Around(Sees):
    @hookimpl(wrapper=True)
    def serena_before_save(self, draft: SaveDraft) -> Iterator[None]:
        self.look(draft)
        yield


def names(shop: Workshop) -> list[str]:
    return [path.removeprefix("outputs/") for path in shop.files.files]


@pytest.mark.parametrize("changed", [{}, {"save_images_add_number": False}])
def test_without_it_files_have_their_number_only(changed: Mapping[str, Any]) -> None:
    shop = Workshop(builtin=(), changed={**changed, "save_mask": True})
    shop.result(request(**BATCH))
    shop.result(img2img([shop.put(START)], {"mask": shop.put(MASK)}, save_images=True))
    numbered = not changed
    assert names(shop) == [
        "txt2img-grids/grid-0000.png", "txt2img-images/00000.png", "txt2img-images/00001.png",
        "img2img-images/00000.png",
        "img2img-images/00001-mask.png" if numbered else "img2img-images/mask.png",
    ]  # fmt: skip


def test_it_can_be_left_out() -> None:
    everything = load_plugins(builtin_plugins(), found=()).builtin
    assert everything - load_plugins(builtin_plugins(), found=(), block=["file_names"]).builtin == {
        "file_names"
    }


@pytest.mark.parametrize("kind", [Sees, SeesFirst, Around])
def test_other_plugins_see_the_name_and_may_change_it(kind: type[Sees]) -> None:
    sees = kind("mine")
    shop = Workshop(plugins={"sees": sees}, changed={"samples_filename_pattern": "[seed]"})
    shop.result(request(save_images=True))
    assert sees.stems == ["7"]
    assert names(shop) == ["txt2img-images/2026-01-02/00000-mine.png"]


def test_what_a_draft_tells_of_its_picture() -> None:
    sees = Sees()
    shop = Workshop(plugins={"sees": sees}, changed={"jpeg_quality": 70})
    asked = request(**BATCH, negative_prompt="dry", styles=("oil",), steps=3)
    shop.result(asked)
    grid, _, last = sees.drafts
    assert [(draft.grid, draft.suffix, draft.picture.index) for draft in sees.drafts] == [
        (True, "", 0), (False, "", 0), (False, "", 1),
    ]  # fmt: skip
    picture = last.picture
    assert (picture.prompt, picture.prompt_no_styles, picture.negative_prompt) == ("a cat", "a cat", "dry")
    assert (picture.seed, picture.subseed, picture.seeds) == (8, 10, (7, 8))
    assert (picture.sampler, picture.scheduler) == ("Euler", "Automatic")
    assert picture.model is not None
    assert (picture.model.stem, picture.request.steps) == ("sd15-random", 3)
    assert NOW <= picture.accepted_at < picture.now
    assert last.options.number("jpeg_quality") == 70
    assert (last.quality, last.lossless, grid.picture.seed) == (None, None, 7)


@pytest.mark.parametrize("pattern", ["[image_hash<12>]", "[IMAGE_HASH<12>]"])
def test_the_hash_of_a_picture(pattern: str) -> None:
    shop = Workshop(changed={"samples_filename_pattern": pattern, "save_to_dirs": False})
    result = shop.result(request(save_images=True))
    pixels = shop.codec.decode(shop.service.image(result.images[0].blob)).pixels
    assert names(shop) == [f"txt2img-images/00000-{hashlib.sha256(pixels).hexdigest()[:12]}.png"]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"grid_extended_filename": True}, "2026-01-02/grid-0000-7.png"),
        ({"grid_save_to_dirs": False}, "grid-0000.png"),
        ({"save_to_dirs": False}, "2026-01-02/grid-0000.png"),
    ],
)
def test_grids_have_options_of_their_own(changed: Mapping[str, Any], name: str) -> None:
    shop = Workshop(changed=changed)
    shop.result(request(**BATCH))
    assert names(shop)[0] == f"txt2img-grids/{name}"


@pytest.mark.parametrize("stem", ["..", "a/b", "a\\b", "x\x00", "C:x", "dot.", "x\ud800"])
def test_a_hostile_name_of_a_plugin_is_refused(stem: str) -> None:
    shop = Workshop(plugins={"hostile": Sees(stem)})
    with pytest.raises(StorageError, match="cannot be the name of a file or folder"):
        shop.result(request(save_images=True))
    assert (names(shop), len(shop.blobs)) == ([], 0)


def test_a_hostile_folder_of_a_plugin_is_refused() -> None:
    with pytest.raises(StorageError, match="cannot be the name of a file or folder"):
        Workshop(plugins={"hostile": Sees(folder=("..", "up"))}).result(request(save_images=True))


def test_a_name_that_is_too_long_is_cut() -> None:
    shop = Workshop(plugins={"long": Sees("x" * 5000)})
    shop.result(request(save_images=True))
    [name] = (path.rpartition("/")[2] for path in names(shop))
    assert name == "00000-" + fit("x" * 5000, spare=20) + ".png"
    assert len(name) <= 255


def test_the_draft_of_a_test_has_defaults() -> None:
    draft = SaveDraft("run", RasterImage(1, 1, "L", b"x"), "", ["here"], "", "png")
    for _ in FileNamesPlugin().serena_before_save(draft):
        assert (draft.folder, draft.stem) == (["here", "1970-01-01"], "-1")


def test_what_no_path_could_hold_of_a_pattern_is_left_out() -> None:
    shop = Workshop(changed={"directories_filename_pattern": "a/" * 5000})
    shop.result(request(save_images=True))
    [name] = names(shop)
    assert name.count("/a") == MOST_PATTERN / 2
