"""What a hook may leave in its draft.

A plugin that leaves something else is named at once: later nobody could tell whose it was, and a result that
cannot be stored would be drawn again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from core.domain.errors import InvalidValue
from core.domain.image import ImageFormat, RasterImage
from core.domain.limits import check_types
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.drafts import (
    BatchDraft,
    DrawnImage,
    GridDraft,
    ImageDraft,
    PicturesDraft,
    RequestDraft,
    ResultDraft,
    SavedPicture,
    SaveDraft,
    ScriptResult,
    Sheet,
)

MOST_EMPTY = 2**28
"""Pixels of a sheet with more room than its pictures need."""


def check_draft(hook: str, arguments: Mapping[str, Any]) -> None:
    """Raises ``TypeError`` or ``ValueError``."""
    check = _CHECKS.get(hook)
    if check is not None:
        check(arguments["draft"])


def check_result(result: object) -> None:
    """What a script answers with. Raises ``TypeError``."""
    if not isinstance(result, ScriptResult):
        raise TypeError(f"it gave {type(result).__name__}; a script gives a ScriptResult")
    _each("images", result.images, DrawnImage)
    _each("sheets", result.sheets, Sheet)
    for sheet in result.sheets:
        _is("the image of a sheet", sheet.image, RasterImage)
        _is("the like of a sheet", sheet.like, DrawnImage)
        _is("the infotext_params of a sheet", sheet.infotext_params, Mapping)
        _each("the infotext_params of a sheet", sheet.infotext_params, str)
    _each("comments", result.comments, str)


def _request(draft: RequestDraft) -> None:
    _is("request", draft.request, GenerationRequest)
    _is("prompt", draft.prompt, str)
    _is("negative_prompt", draft.negative_prompt, str)
    try:
        check_types(draft.request)
    except InvalidValue as error:
        raise TypeError(str(error)) from None
    _each("extra_generation_params", draft.extra_generation_params, str)
    _each("comments", draft.comments, str)
    _is("options", draft.options, OptionValues)
    _is("styles", draft.styles, Mapping)
    _is("applied_styles", draft.applied_styles, set)
    _is("applied_networks", draft.applied_networks, set)
    _is("extras", draft.extras, dict)


def _batch(draft: BatchDraft) -> None:
    lists: Mapping[str, tuple[Sequence[object], type]] = {
        "prompts": (draft.prompts, str),
        "negative_prompts": (draft.negative_prompts, str),
        "hires_prompts": (draft.hires_prompts, str),
        "hires_negative_prompts": (draft.hires_negative_prompts, str),
        "seeds": (draft.seeds, int),
        "subseeds": (draft.subseeds, int),
    }
    for name, (values, kind) in lists.items():
        _each(name, values, kind)
    lengths = {name: len(values) for name, (values, _) in lists.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ValueError(f"it left {told}; the lists of a batch are equally long")
    _each("infotext_params", draft.infotext_params, str)
    _each("comments", draft.comments, str)


def _pictures(draft: PicturesDraft) -> None:
    _each("images", draft.images, ImageDraft)
    for image in draft.images:
        _picture(image)


def _picture(draft: ImageDraft) -> None:
    _is("image", draft.image, RasterImage)
    _is("prompt", draft.prompt, str)
    _is("negative_prompt", draft.negative_prompt, str)
    _is("seed", draft.seed, int)
    _is("subseed", draft.subseed, int)
    _each("infotext_params", draft.infotext_params, str)


def _result(draft: ResultDraft) -> None:
    _pictures(PicturesDraft(draft.run_id, 0, draft.images))
    _each("infotexts", draft.infotexts, str)
    _is("first_image", draft.first_image, int)
    _each("comments", draft.comments, str)
    if len(draft.images) != len(draft.infotexts):
        raise ValueError(
            f"it left {len(draft.images)} images and {len(draft.infotexts)} infotexts; each needs one"
        )


def _grid(draft: GridDraft) -> None:
    _each("images", draft.images, RasterImage)
    for name in ("columns", "rows"):
        _is(name, getattr(draft, name), int)
        if getattr(draft, name) < 1:
            raise ValueError(f"{name} is {getattr(draft, name)}; it must be at least 1")
    _is("background", draft.background, str)
    cells, count = draft.columns * draft.rows, len(draft.images)
    width = max((image.width for image in draft.images), default=0)
    height = max((image.height for image in draft.images), default=0)
    if cells > 2 * count and cells * width * height > MOST_EMPTY:
        raise ValueError(
            f"it left {draft.columns} columns and {draft.rows} rows for {count} images of {width}x{height}; "
            f"there may be {2 * count} cells, or {MOST_EMPTY} pixels"
        )


def _save(draft: SaveDraft) -> None:
    _is("image", draft.image, RasterImage)
    _is("infotext", draft.infotext, str)
    _is_no_text("folder", draft.folder)
    _each("folder", draft.folder, str)
    _is("stem", draft.stem, str)
    if draft.format not in get_args(ImageFormat):
        known = ", ".join(get_args(ImageFormat))
        raise ValueError(f"format is {draft.format!r}; it must be one of {known}")
    if draft.quality is not None:
        _is("quality", draft.quality, int)
        if not 1 <= draft.quality <= 100:
            raise ValueError(f"quality is {draft.quality}; it must be between 1 and 100, or None")
    if draft.lossless is not None:
        _is("lossless", draft.lossless, bool)
    _is("picture", draft.picture, SavedPicture)
    _is("options", draft.options, OptionValues)


def _is(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{what} is {type(value).__name__}; it must be {kind.__name__}")


def _is_no_text(what: str, value: object) -> None:
    """A text is a sequence of texts, and no list of them was meant."""
    if isinstance(value, str):
        raise TypeError(f"{what} is {value!r}; it must be a list of parts")


def _each(what: str, values: Iterable[object], kind: type) -> None:
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(f"{what} has {value!r}; there may be {kind.__name__} only")


_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "serena_prepare": _request,
    "serena_before_batch": _batch,
    "serena_after_batch": _pictures,
    "serena_image": _picture,
    "serena_after_overlay": _picture,
    "serena_grid": _grid,
    "serena_finalize": _result,
    "serena_before_save": _save,
}
