"""What a plugin leaves in a draft that nobody can use fails with its name, and before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.domain.errors import InvalidValue, PluginError
from core.drafts import (
    BatchDraft,
    ImageDraft,
    PicturesDraft,
    RequestDraft,
    ResultDraft,
    SaveDraft,
    ScriptResult,
)
from plugins.checks import check_result
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import Workshop, request

Act = Callable[[Any], None]


class Leaves:
    """Does one thing in one hook."""

    def __init__(self, hook: str, act: Act) -> None:
        self._hook, self._act = hook, act

    def _do(self, hook: str, draft: object) -> None:
        if hook == self._hook:
            self._act(draft)

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self._do("prepare", draft)

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        self._do("before_batch", draft)

    @hookimpl
    def serena_after_batch(self, draft: PicturesDraft) -> None:
        self._do("after_batch", draft)

    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        self._do("image", draft)

    @hookimpl
    def serena_finalize(self, draft: ResultDraft) -> None:
        self._do("finalize", draft)

    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        self._do("before_save", draft)


def puts(name: str, value: object) -> Act:
    return lambda draft: setattr(draft, name, value)


@pytest.mark.parametrize(
    ("hook", "act", "said"),
    [
        ("prepare", puts("request", None), "request is NoneType; it must be GenerationRequest"),
        ("prepare", puts("prompt", None), "prompt is NoneType; it must be str"),
        (
            "prepare",
            lambda d: d.change(steps=np.int64(3)),
            r"steps is np.int64\(3\); it must be a whole",
        ),
        ("prepare", lambda d: d.change(cfg_scale="7"), "cfg_scale is '7'; it must be a number"),
        ("prepare", lambda d: d.comments.append(5), "comments has 5; there may be str only"),
        ("prepare", puts("styles", None), "styles is NoneType; it must be Mapping"),
        ("prepare", puts("applied_styles", None), "applied_styles is NoneType; it must be set"),
        ("prepare", puts("applied_networks", ["lora"]), "applied_networks is list; it must be set"),
        ("prepare", puts("extras", None), "extras is NoneType; it must be dict"),
        ("prepare", puts("options", None), "options is NoneType; it must be OptionValues"),
        ("prepare", lambda d: d.extra_generation_params.update({5: 1}), "extra_generation_params has 5"),
        ("before_batch", puts("seeds", [np.int64(5)]), r"seeds has np.int64\(5\); there may be int only"),
        ("before_batch", puts("prompts", [None]), "prompts has None; there may be str only"),
        ("before_batch", lambda d: d.prompts.clear(), "it left 0 prompts, 1 negative_prompts"),
        ("after_batch", lambda d: d.images.append("x"), "images has 'x'; there may be ImageDraft only"),
        ("image", puts("image", b"png"), "image is bytes; it must be RasterImage"),
        ("image", puts("seed", "5"), "seed is str; it must be int"),
        ("finalize", puts("infotexts", [None]), "infotexts has None"),
        ("finalize", puts("infotexts", []), "it left 1 images and 0 infotexts; each needs one"),
        ("before_save", puts("format", "bmp"), "format is 'bmp'; it must be one of png, jpg"),
        ("before_save", puts("folder", [Path("a")]), "folder has .*Path"),
        ("before_save", puts("folder", "abc"), "folder is 'abc'; it must be a list of parts"),
        ("before_save", puts("picture", None), "picture is NoneType; it must be SavedPicture"),
        ("before_save", puts("options", {}), "options is dict; it must be OptionValues"),
        ("before_save", puts("quality", "90"), "quality is str; it must be int"),
        ("before_save", puts("quality", 0), "quality is 0; it must be between 1 and 100, or None"),
        ("before_save", puts("lossless", 1), "lossless is int; it must be bool"),
    ],
)
def test_a_draft_that_cannot_be_used_names_its_plugin(hook: str, act: Act, said: str) -> None:
    shop = Workshop(plugins={"builtin": Leaves("", print), "odd": Leaves(hook, act)})
    with pytest.raises(PluginError, match=f"plugin 'odd' failed in serena_{hook}: .*{said}"):
        shop.draw(request(save_images=True))
    assert len(shop.blobs) == 0


def test_one_that_is_skipped_leaves_no_run_that_cannot_be_drawn() -> None:
    shop = Workshop(plugins={"odd": Leaves("before_batch", lambda d: d.seeds.append(5))}, on_error="skip")
    with pytest.raises(InvalidValue, match="a plugin must keep them equally long"):
        shop.draw(request())


def test_one_that_is_skipped_leaves_no_name_that_cannot_be() -> None:
    shop = Workshop(plugins={"odd": Leaves("before_save", puts("stem", 5))}, on_error="skip")
    said = "plugin 'odd' failed in serena_before_save: TypeError: stem is int; it must be str"
    with pytest.raises(PluginError, match=said):
        shop.draw(request(save_images=True))


def test_a_wrapper_is_checked_at_the_end() -> None:
    class Wraps:
        @hookimpl(wrapper=True)
        def serena_finalize(self, draft: ResultDraft) -> Iterator[None]:
            yield
            draft.infotexts.clear()

    with pytest.raises(PluginError, match=r"'wraps' failed in serena_finalize: .* 1 images and 0 infotexts"):
        Workshop(plugins={"wraps": Wraps()}).draw(request())


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1.5, 1.5), ([1, "a"], [1, "a"]), (Path("a/b"), "a/b"), (np.float32(0.5), "0.5"),
        (float("nan"), "nan"),
    ],
)  # fmt: skip
def test_what_json_cannot_hold_is_kept_as_the_infotext_has_it(value: object, kept: object) -> None:
    wears = Leaves("prepare", lambda draft: draft.extra_generation_params.update(Mark=value))
    result = Workshop(plugins={"wears": wears}).result(request())
    assert result.info["extra_generation_params"] == {"Mark": kept}


def test_what_a_script_cannot_answer_with() -> None:
    with pytest.raises(TypeError, match="comments has 5"):
        check_result(ScriptResult(comments=[5]))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="sheets has 5"):
        check_result(ScriptResult(sheets=[5]))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="it gave int"):
        check_result(5)
