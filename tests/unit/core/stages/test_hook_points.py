"""The hooks that see several pictures: of a batch, of a grid, and when a picture is whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from core.domain.errors import PluginError
from core.drafts import BatchDraft, GridDraft, ImageDraft, PicturesDraft, RequestDraft
from plugins.calling import OnError
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import MODEL, Workshop, request

GRID = {"return_grid": True, "grid_only_if_multiple": True}


class Edits:
    """Does with a draft what a function says."""

    def __init__(self, **edits: Any) -> None:
        self._edits = edits

    def _edit(self, name: str, draft: Any) -> None:
        self._edits.get(name, lambda draft: None)(draft)

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self._edit("prepare", draft)

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        self._edit("before_batch", draft)

    @hookimpl
    def serena_after_batch(self, draft: PicturesDraft) -> None:
        self._edit("after_batch", draft)

    @hookimpl
    def serena_after_overlay(self, draft: ImageDraft) -> None:
        self._edit("after_overlay", draft)

    @hookimpl
    def serena_grid(self, draft: GridDraft) -> None:
        self._edit("grid", draft)


def shop_of(**edits: Any) -> Workshop:
    return Workshop(plugins={"edits": Edits(**edits)})


def test_a_picture_of_a_batch_may_be_dropped() -> None:
    result = shop_of(after_batch=lambda draft: draft.images.pop(0)).result(request(batch_size=2, n_iter=2))
    assert [image.seed for image in result.images] == [8, 10]


def test_a_picture_is_changed_when_it_is_whole() -> None:
    def sign(draft: ImageDraft) -> None:
        draft.infotext_params["Signed"] = "yes"

    assert "Signed: yes" in shop_of(after_overlay=sign).result(request()).images[0].infotext


def test_hashes_of_networks_stand_where_the_reference_has_them() -> None:
    def batch(draft: BatchDraft) -> None:
        draft.infotext_params |= {"Mine": "1", "TI hashes": "calm: 1"}

    shop = shop_of(before_batch=batch)
    wanted = request(prompt="a (cat:1.1)", override_settings={"emphasis": "No norm"})
    assert 'TI hashes: "calm: 1", Emphasis: No norm, Mine: 1' in shop.result(wanted).images[0].infotext


def test_a_plugin_may_tell_of_networks_for_the_whole_run() -> None:
    def prepare(draft: RequestDraft) -> None:
        draft.extra_generation_params["Lora hashes"] = "ink: 1"

    result = shop_of(prepare=prepare).result(request())
    assert 'Lora hashes: "ink: 1"' in result.images[0].infotext
    assert result.info["extra_generation_params"] == {"Lora hashes": "ink: 1"}


def test_the_shape_of_a_grid_may_change() -> None:
    def one_row(draft: GridDraft) -> None:
        draft.columns, draft.rows = len(draft.images), 1

    wanted = request(batch_size=4, save_images=True, override_settings=GRID)
    grid = shop_of(grid=one_row).result(wanted).images[0]
    assert (grid.width, grid.height) == (4 * 16, 16)


def vast(draft: GridDraft) -> None:
    draft.columns, draft.rows = 10**6, 10**6


def no_rows(draft: GridDraft) -> None:
    draft.rows = 0


def half_a_column(draft: GridDraft) -> None:
    draft.columns = cast(int, 1.5)


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (vast, "it left 1000000 columns and 1000000 rows for 4 images of 16x16; there may be 8 cells"),
        (no_rows, "rows is 0; it must be at least 1"),
        (half_a_column, "columns is float; it must be int"),
    ],
)
def test_a_grid_that_nobody_can_make_fails_before_it_is_made(
    edit: Callable[[GridDraft], None], said: str, on_error: OnError
) -> None:
    shop = Workshop(plugins={"edits": Edits(grid=edit)}, on_error=on_error)
    with pytest.raises(PluginError, match=f"plugin 'edits' failed in serena_grid: .*{said}"):
        shop.result(request(batch_size=4, save_images=True, override_settings=GRID))


def test_without_pictures_there_is_no_grid() -> None:
    wanted = request(batch_size=4, save_images=True, override_settings=GRID)
    result = shop_of(grid=lambda draft: draft.images.clear()).result(wanted)
    assert len(result.images) == 4
    assert result.info["index_of_first_image"] == 0


def test_what_plugins_hand_to_the_backend_is_sealed() -> None:
    def of_run(draft: RequestDraft) -> None:
        assert draft.model == MODEL.identity
        draft.extras["mine"] = 1

    def of_batch(draft: BatchDraft) -> None:
        draft.extras["index"] = draft.index

    shop = shop_of(prepare=of_run, before_batch=of_batch)
    shop.draw(request(n_iter=2))
    assert [dict(run.extras) for run in shop.scripted.runs] == [{"mine": 1}] * 2
    assert [dict(batch.extras) for batch in shop.scripted.batches] == [
        {"mine": 1, "index": 0},
        {"mine": 1, "index": 1},
    ]


def test_a_remark_about_batches_is_made_once() -> None:
    def remark(draft: BatchDraft) -> None:
        draft.comments.append("how odd")

    assert shop_of(before_batch=remark).result(request(n_iter=3)).comments == ("how odd",)
