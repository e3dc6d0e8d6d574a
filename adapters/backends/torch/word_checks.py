"""What may stand for a word in texts."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from core.prompt.chunks import CHUNK

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def check_word(name: Any, vectors: Any, key: Any, widths: tuple[int, ...]) -> None:
    """Raises ``TypeError`` or ``ValueError``.

    :param widths: of the vectors that the model takes, one for each text encoder.
    """
    if not isinstance(name, str) or not name.strip() or _LONE_SURROGATE.search(name):
        raise ValueError(f"draft.words has {name!r}; a word is a text that is not empty")
    if not isinstance(key, str) or not key:
        raise ValueError(f"the key of {name!r} is {key!r}; it must be a text that is not empty")
    if not isinstance(vectors, tuple) or not all(isinstance(one, Tensor) for one in vectors):
        raise TypeError(f"the vectors of {name!r} are no tuple of tensors")
    _check_shapes(name, [tuple(one.shape) for one in vectors], widths)
    if not all(map(_is_plain, vectors)):
        raise ValueError(f"the vectors of {name!r} are no dense tensors of real numbers")


def _check_shapes(name: str, shapes: list[tuple[int, ...]], widths: tuple[int, ...]) -> None:
    counts = {shape[0] for shape in shapes if len(shape) == 2}
    fitting = tuple(shape[1] for shape in shapes if len(shape) == 2) == widths
    if not widths or not fitting or len(counts) != 1 or not 0 < min(counts) <= CHUNK:
        wanted = ", ".join(f"(vectors, {width})" for width in widths) or "none"
        raise ValueError(
            f"the vectors of {name!r} have the shapes {shapes}; this model takes {wanted}, up to {CHUNK}"
        )


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not (tensor.is_meta or tensor.is_complex())
