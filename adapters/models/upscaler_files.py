"""Weights of upscalers in a webui's folders. Only safetensors are taken: a pickle runs what it likes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.models.remembered import Remembered
from adapters.models.weights import find_weights, problem_of
from core.domain.model_report import ModelProblem
from core.domain.resources import UpscalerRef

FOLDERS = ("ESRGAN", "RealESRGAN", "SwinIR", "HAT", "DAT", "ScuNET", "OmniSR", "SPAN")
_SCALE = re.compile(r"(?<![0-9a-z])(?:([1-8])x|x([1-8]))(?![0-9])|_x([1-8])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Scan:
    upscalers: tuple[UpscalerRef, ...]
    problems: tuple[ModelProblem, ...]


class UpscalerFiles:
    """The weights below ``models_dir``. The first call looks at the disk; ``refresh`` looks again."""

    def __init__(self, models_dir: Path) -> None:
        self._root = models_dir
        self._scan = Remembered(self._look)

    def all(self) -> Sequence[UpscalerRef]:
        """Sorted by name, whatever its case. ``path`` is relative to the models folder."""
        return self._scan.get().upscalers

    def problems(self) -> Sequence[ModelProblem]:
        """Why files that look like weights are not listed."""
        return self._scan.get().problems

    def location(self, upscaler: UpscalerRef) -> Path:
        return self._root / (upscaler.path or "")

    def refresh(self) -> None:
        self._scan.refresh()

    def _look(self) -> _Scan:
        found: dict[str, UpscalerRef] = {}
        problems: list[ModelProblem] = []
        for path in self._files():
            name = path.relative_to(self._root).as_posix()
            problem = problem_of(path)
            if problem is not None:
                problems.append(ModelProblem(name, problem))
                continue
            ref = UpscalerRef(name=path.stem, model_name=path.stem, path=name, scale=scale_in(path.stem))
            if found.setdefault(ref.name, ref) != ref:
                first = found[ref.name].path
                problems.append(ModelProblem(name, f"{first} has the same name and comes first"))
        return _Scan(tuple(sorted(found.values(), key=lambda ref: ref.name.lower())), tuple(problems))

    def _files(self) -> Iterator[Path]:
        for folder in FOLDERS:
            yield from find_weights(self._root / folder, self._root)


def scale_in(name: str) -> float:
    """The factor that a file's name tells (``4x-sharp``, ``RealESRGAN_x2plus``); 4 where it tells none."""
    found = _SCALE.search(name)
    return float(next(group for group in found.groups() if group)) if found else 4.0
