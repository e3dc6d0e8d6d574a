"""Weights of face restorers and of face detectors in a webui's folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from adapters.models.weights import PICKLES, WEIGHTS, find_weights, problem_of
from core.domain.model_report import ModelProblem

RESTORERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"CodeFormer": ("Codeformer", "CodeFormer"), "GFPGAN": ("GFPGAN",)}
)
"""The folders of each, in the order they are listed to users."""
DETECTOR_FOLDERS = ("facedetection", "GFPGAN", "Codeformer", "CodeFormer")
DETECTOR = "face_detection_yunet"


class FaceFiles:
    """What lies below ``models_dir``. Each call looks again: there are few files."""

    def __init__(self, models_dir: Path) -> None:
        self._root = models_dir

    def weights(self) -> Mapping[str, Path]:
        """The file of each restorer that has one: of several the last by name, which is the newest version.

        A file is a restorer's when its name begins with that restorer's name.
        """
        found = {name: [path for path in self._named(name) if problem_of(path) is None] for name in RESTORERS}
        return {name: paths[-1] for name, paths in found.items() if paths}

    def detector(self) -> Path | None:
        """A YuNet model in ONNX, or None."""
        found = [
            path
            for folder in DETECTOR_FOLDERS
            for path in find_weights(self._root / folder, self._root, (".onnx",))
            if path.stem.lower().startswith(DETECTOR)
        ]
        return found[-1] if found else None

    def problems(self) -> Sequence[ModelProblem]:
        """Why files that are named like a restorer are not used."""
        named = (path for name in RESTORERS for path in self._named(name, (WEIGHTS, *PICKLES)))
        looked = ((path.relative_to(self._root).as_posix(), problem_of(path)) for path in named)
        return tuple(ModelProblem(name, problem) for name, problem in looked if problem is not None)

    def _named(self, restorer: str, suffixes: tuple[str, ...] = (WEIGHTS,)) -> Iterator[Path]:
        for folder in RESTORERS[restorer]:
            for path in find_weights(self._root / folder, self._root, suffixes):
                if path.stem.lower().startswith(restorer.lower()):
                    yield path
