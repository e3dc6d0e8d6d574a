"""The checkpoints in a models folder, and the one that comes with Serena."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.models.aliases import find_by_name
from adapters.models.check import check_diffusers_folder
from adapters.models.hashing import ContentHashes
from adapters.models.scan import find_folders
from core.domain.errors import ModelError
from core.domain.model import ModelIdentity, ModelRef

BUILTIN_NAME = "serena-demo"
BUILTIN_FOLDER = Path(__file__).parent / "builtin" / "demo"
_CHECKPOINTS = "Stable-diffusion"


@dataclass(frozen=True, slots=True)
class ModelProblem:
    """A checkpoint that cannot be used, and the sentence that says why."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class _Scan:
    models: tuple[ModelRef, ...]
    problems: tuple[ModelProblem, ...]


class DiskModelCatalog:
    """A ``ModelCatalog`` of diffusers folders below ``folder``, where a webui's layout is known too.

    The first call that needs the list looks at the disk and hashes what it has not hashed; ``refresh`` looks
    again. What cannot be loaded is not listed but told in :meth:`problems`.

    :param builtin: also offer the model that comes with Serena, last.
    """

    def __init__(self, folder: Path, *, builtin: bool = True) -> None:
        self._folder = folder
        self._builtin = builtin
        self._hashes = ContentHashes()
        self._lock = threading.Lock()
        self._scan: _Scan | None = None

    def all(self) -> Sequence[ModelRef]:
        return self._current().models

    def problems(self) -> Sequence[ModelProblem]:
        """Why folders that look like checkpoints are not listed."""
        return self._current().problems

    def find(self, name: str) -> ModelRef | None:
        return find_by_name(self.all(), name)

    def problem(self, name: str) -> str | None:
        return next((problem.message for problem in self.problems() if problem.name == name), None)

    def refresh(self) -> None:
        with self._lock:
            self._scan = self._look()

    def _current(self) -> _Scan:
        with self._lock:
            if self._scan is None:
                self._scan = self._look()
            return self._scan

    def _look(self) -> _Scan:
        models: dict[str, ModelRef] = {}
        problems: list[ModelProblem] = []
        for name, path, root in self._candidates():
            try:
                check_diffusers_folder(path, root)
                identity = ModelIdentity(name, self._hashes.of_folder(path))
            except ModelError as error:
                problems.append(ModelProblem(name, str(error)))
            else:
                models.setdefault(name, ModelRef(identity, str(path.resolve())))
        return _Scan(tuple(models.values()), tuple(problems))

    def _candidates(self) -> Iterator[tuple[str, Path, Path]]:
        seen: set[Path] = set()
        for base in (self._folder / _CHECKPOINTS, self._folder):
            for path in find_folders(base):
                if path.resolve() not in seen:
                    seen.add(path.resolve())
                    yield path.relative_to(base).as_posix(), path, self._folder
        if self._builtin:
            yield BUILTIN_NAME, BUILTIN_FOLDER, BUILTIN_FOLDER
