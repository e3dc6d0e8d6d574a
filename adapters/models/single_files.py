"""Checkpoints in one file: found in a models folder, and recognised by their headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.models.check import INDEX, check_inside
from adapters.models.flow_checks import check_tokenizers
from adapters.models.safetensors_header import describe_file
from adapters.models.scan import visible
from adapters.models.sidecars import parts_beside, prediction_beside
from adapters.models.weights import PICKLED, PICKLES, WEIGHTS
from core.domain.errors import ModelError
from core.domain.families import TITLES, CheckpointKind, recognise

VAE_BESIDE = ".vae"
"""``name.vae.safetensors`` is the VAE of ``name.safetensors``, and no checkpoint."""
_DEEPEST = 6
_PARTS = {
    "vae": "VAE",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
}


def find_files(root: Path, deepest: int = _DEEPEST) -> Iterator[Path]:
    """Files below ``root`` that are named like checkpoints, in the order of their names. Folders in the
    layout of diffusers are not entered."""

    def walk(folder: Path, depth: int) -> Iterator[Path]:
        for path in visible(folder):
            if path.is_dir():
                inside = path.resolve().is_relative_to(root.resolve())
                if depth < deepest and inside and not (path / INDEX).is_file():
                    yield from walk(path, depth + 1)
            elif path.suffix.lower() in (WEIGHTS, *PICKLES) and not path.stem.endswith(VAE_BESIDE):
                yield path

    yield from walk(root, 1)


def describe_checkpoint(path: Path, root: Path) -> CheckpointKind:
    """What the file is. Raises ``ModelError``: broken, hostile, of no family that is drawn with, incomplete.

    :param root: no link may lead out of it.
    """
    kind = recognise_file(path, root)
    for part in kind.missing:
        if part not in parts_beside(path):
            raise ModelError(
                f"{path} is a {TITLES[kind.family]} model without a {_PARTS[part]}; "
                f"put one in the layout of diffusers into {path.stem}/{part} beside it"
            )
    check_tokenizers(path, kind)
    return kind


def recognise_file(path: Path, root: Path) -> CheckpointKind:
    """The same of a file whose parts may be missing."""
    check_inside(path, root)
    if path.suffix.lower() in PICKLES:
        raise ModelError(f"{path} cannot be used: {PICKLED}")
    header = describe_file(path)
    try:
        return recognise(header.shapes, header.metadata, prediction_beside(path))
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from None
    except IndexError:
        raise ModelError(f"{path} cannot be used: its tensors have the shapes of no known model") from None
