"""Weights of upscalers in a webui's folders. Only safetensors are taken: a pickle runs what it likes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.models.catalog_disk import ModelProblem
from adapters.models.safetensors_header import read_header
from core.domain.errors import ModelError
from core.domain.resources import UpscalerRef

FOLDERS = ("ESRGAN", "RealESRGAN", "SwinIR", "HAT", "DAT", "ScuNET", "OmniSR", "SPAN")
WEIGHTS = ".safetensors"
PICKLED = "it is a pickle, which is never opened; get it as safetensors"
PICKLES = (".pth", ".pt", ".ckpt", ".bin")
_SCALE = re.compile(r"(?<![0-9a-z])(?:([1-8])x|x([1-8]))(?![0-9])|_x([1-8])", re.IGNORECASE)
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class _Scan:
    upscalers: tuple[UpscalerRef, ...]
    problems: tuple[ModelProblem, ...]


class UpscalerFiles:
    """The weights below ``models_dir``. The first call looks at the disk; ``refresh`` looks again."""

    def __init__(self, models_dir: Path) -> None:
        self._root = models_dir
        self._lock = threading.Lock()
        self._scan: _Scan | None = None

    def all(self) -> Sequence[UpscalerRef]:
        """Sorted by name, whatever its case. ``path`` is relative to the models folder."""
        return self._current().upscalers

    def problems(self) -> Sequence[ModelProblem]:
        """Why files that look like weights are not listed."""
        return self._current().problems

    def location(self, upscaler: UpscalerRef) -> Path:
        return self._root / (upscaler.path or "")

    def refresh(self) -> None:
        with self._lock:
            self._scan = self._look()

    def _current(self) -> _Scan:
        with self._lock:
            if self._scan is None:
                self._scan = self._look()
            return self._scan

    def _look(self) -> _Scan:
        found: dict[str, UpscalerRef] = {}
        problems: list[ModelProblem] = []
        for path in self._files():
            name = path.relative_to(self._root).as_posix()
            if path.suffix.lower() in PICKLES:
                problems.append(ModelProblem(name, PICKLED))
                continue
            try:
                read_header(path)
            except ModelError as error:
                problems.append(ModelProblem(name, str(error)))
                continue
            ref = UpscalerRef(name=path.stem, model_name=path.stem, path=name, scale=scale_in(path.stem))
            if found.setdefault(ref.name, ref) != ref:
                first = found[ref.name].path
                problems.append(ModelProblem(name, f"{first} has the same name and comes first"))
        return _Scan(tuple(sorted(found.values(), key=lambda ref: ref.name.lower())), tuple(problems))

    def _files(self) -> Iterator[Path]:
        for folder in FOLDERS:
            yield from _weights(self._root / folder, self._root.resolve(), 1)


def scale_in(name: str) -> float:
    """The factor that a file's name tells (``4x-sharp``, ``RealESRGAN_x2plus``); 4 where it tells none."""
    found = _SCALE.search(name)
    return float(next(group for group in found.groups() if group)) if found else 4.0


def _weights(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            paths = sorted(Path(entry.path) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return
    for path in paths:
        if path.is_dir():
            if depth < _DEEPEST and path.resolve().is_relative_to(root):
                yield from _weights(path, root, depth + 1)
        elif path.suffix.lower() in (WEIGHTS, *PICKLES) and path.is_file():
            yield path
