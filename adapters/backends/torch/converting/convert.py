"""From one checkpoint to another: single file or folder, in any number format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from adapters.backends.torch.converting.draft import Draft, save
from adapters.backends.torch.converting.other_layout import file_of_folder, folder_of_file
from adapters.backends.torch.converting.same_layout import drafts_beside, file_draft, folder_draft
from adapters.backends.torch.families.files import read_file
from adapters.backends.torch.families.folders import read_folder
from adapters.backends.torch.model import quiet_libraries
from core.domain.errors import ModelError
from core.domain.model_report import ModelReport

SUFFIX = ".safetensors"
_FORMATS: Mapping[str, torch.dtype] = {
    "fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32,
    "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32,
}  # fmt: skip
_WIDE = frozenset({"F32", "F64", "BF16"})
"""Formats with numbers that fp16 has not."""


def convert(
    report: ModelReport,
    target: Path,
    precision: str | None,
    told: Callable[[int, int], None],
    *,
    force: bool = False,
) -> None:
    """Write ``report.path``, which was found to be whole, to ``target``: a single file if it ends in
    ``.safetensors``, else a folder in the layout of diffusers.

    :param precision: fp16, bf16 or fp32; None: as it is.
    :param told: hears of bytes written and of all bytes.

    Raises ``ModelError``; then nothing is there that was not there before.
    """
    source = Path(report.path)
    _check_apart(source, target)
    quiet_libraries()
    wanted = _FORMATS[precision] if precision else None
    if source.is_file() == _is_file(target):
        drafts = _same_layout(report, source, target)
    else:
        wanted = wanted or _FORMATS.get(report.precision[0], torch.float32)
        drafts = _other_layout(report, source, target, wanted)
    for place in drafts:
        _check_apart(source, place)
    save(drafts, wanted, told, force=force)


def _check_apart(source: Path, target: Path) -> None:
    """What is replaced must not be what it is made from."""
    made, place = source.resolve(), target.resolve()
    if place.is_relative_to(made) or made.is_relative_to(place):
        raise ModelError(
            f"{target}, which would be written, is what it would be made from, or one lies in the other; "
            "name another place"
        )


def _same_layout(report: ModelReport, source: Path, target: Path) -> dict[Path, Draft]:
    if source.is_dir():
        return {target: folder_draft(source)}
    return {target: file_draft(source), **drafts_beside(source, target, report.missing)}


def _other_layout(report: ModelReport, source: Path, target: Path, wanted: torch.dtype) -> dict[Path, Draft]:
    dtype = _read_as(report, wanted)
    if source.is_file():
        return {target: folder_of_file(read_file(source, report.prediction, dtype))}
    whole, beside = file_of_folder(read_folder(source, dtype))
    return {target: whole, **({target.with_suffix(""): beside} if beside.texts else {})}


def _is_file(target: Path) -> bool:
    return target.suffix.lower() == SUFFIX


def _read_as(report: ModelReport, wanted: torch.dtype) -> torch.dtype:
    """Wide enough that what does not fit the wanted format is seen when it is written."""
    cut = wanted is torch.float16 and not _WIDE.isdisjoint(report.precision)
    return torch.float32 if cut else wanted
