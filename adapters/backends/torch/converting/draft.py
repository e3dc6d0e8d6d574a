"""What a conversion is going to write, before a byte of it is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from adapters.backends.torch.converting.writing import Weight, write_weights
from core.domain.errors import ModelError

_INDEX = "model_index.json"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights."""

    weights: Sequence[Weight]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """Files by their place below the target; a single file has the place ``""``.

    :ivar weights: of the files of weights. :ivar texts: of all others, with their bytes.
    """

    weights: Mapping[str, WeightFile] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def bytes(self, wanted: torch.dtype | None) -> int:
        """What its weights take."""
        held = (one for file in self.weights.values() for one in file.weights)
        return sum(one.stored_as(wanted).itemsize * torch.Size(one.shape).numel() for one in held)


def save(
    drafts: Mapping[Path, Draft],
    wanted: torch.dtype | None,
    told: Callable[[int, int], None],
    *,
    force: bool,
) -> None:
    """Write each draft to its target: beside it first, then in one rename, so that nothing half-written ever
    has its name. Raises ``ModelError`` where something is there already, unless it may be replaced.

    :param told: hears of bytes written and of all bytes.
    """
    done, total = 0, sum(draft.bytes(wanted) for draft in drafts.values())

    def more(count: int) -> None:
        nonlocal done
        done += count
        told(done, total)

    for target, draft in drafts.items():
        _check_free(target, draft, force)
    ready: dict[Path, Path] = {}
    try:
        for target, draft in drafts.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            ready[target] = target.with_name(f".{target.name}.{os.getpid()}.part")
            _write(ready[target], draft, wanted, more)
        for target, beside in ready.items():
            _check_free(target, drafts[target], force)
            _put(beside, target)
    finally:
        for beside in ready.values():
            _remove(beside)


def _check_free(target: Path, draft: Draft, force: bool) -> None:
    if not force and os.path.lexists(target):
        raise ModelError(f"{target} is there already; name another place, or give --force to replace it")
    if target.is_dir() and not target.is_symlink() and not _is_alike(target, draft):
        raise ModelError(f"{target} is a folder of other things, which nothing replaces; name another place")


def _is_alike(folder: Path, draft: Draft) -> bool:
    """Whether nothing else goes when the draft takes its place: a checkpoint for a checkpoint, texts for
    texts."""
    if _INDEX in draft.texts:
        return (folder / _INDEX).is_file() or not any(folder.iterdir())
    return bool(draft.texts) and not any(folder.rglob("*.safetensors"))


def _write(beside: Path, draft: Draft, wanted: torch.dtype | None, more: Callable[[int], None]) -> None:
    for place, content in draft.texts.items():
        path = beside / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for place, file in draft.weights.items():
        path = beside / place if place else beside
        path.parent.mkdir(parents=True, exist_ok=True)
        write_weights(path, file.weights, wanted, file.metadata, more)


def _put(beside: Path, target: Path) -> None:
    if not target.is_dir() or target.is_symlink():
        os.replace(beside, target)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    os.replace(target, old)
    os.replace(beside, target)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
