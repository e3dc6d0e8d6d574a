"""Files of weights in a webui's folders. Only safetensors are taken: a pickle runs what it likes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.models.printable import is_text
from adapters.models.safetensors_header import read_header
from adapters.models.scan import visible
from core.domain.errors import ModelError

WEIGHTS = ".safetensors"
PICKLED = "it is a pickle, which is never opened; get it as safetensors"
PICKLES = (".pth", ".pt", ".ckpt", ".bin")
_DEEPEST = 4


def find_weights(folder: Path, root: Path, suffixes: tuple[str, ...] = (WEIGHTS, *PICKLES)) -> Iterator[Path]:
    """The files below ``folder`` that end so, in the order of their names.

    :param root: no link to a folder leads out of it.
    """
    yield from _walk(folder, root.resolve(), suffixes, 1)


def problem_of(path: Path) -> str | None:
    """Why a file of weights cannot be used, or None. Looks at its header alone."""
    if path.suffix.lower() in PICKLES:
        return PICKLED
    try:
        read_header(path)
    except ModelError as error:
        return str(error)
    return None


def _walk(folder: Path, root: Path, suffixes: tuple[str, ...], depth: int) -> Iterator[Path]:
    for path in visible(folder):
        if path.is_dir():
            if depth < _DEEPEST and path.resolve().is_relative_to(root):
                yield from _walk(path, root, suffixes, depth + 1)
        elif path.suffix.lower() in suffixes and path.is_file() and is_text(path.name):
            yield path
