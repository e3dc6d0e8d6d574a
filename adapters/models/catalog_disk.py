"""The checkpoints in a models folder, and the one that comes with Serena."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.models.aliases import find_by_name
from adapters.models.background import Background
from adapters.models.check import check_diffusers_folder, describe_folder
from adapters.models.hashing import ContentHashes, Stamp, files_of, stamp_of
from adapters.models.printable import is_text, printable
from adapters.models.remembered import Remembered
from adapters.models.report import report_on
from adapters.models.scan import find_folders
from adapters.models.sidecars import config_beside
from adapters.models.single_files import describe_checkpoint, find_files
from adapters.models.vae_files import check_vae, find_vae
from core.domain.errors import ModelError
from core.domain.model import ModelIdentity, ModelRef
from core.domain.model_report import ModelProblem, ModelReport

BUILTIN_NAME = "serena-demo"
BUILTIN_FOLDER = Path(__file__).parent / "builtin" / "demo"
QUICK = 64 * 1024 * 1024
"""Bytes of a checkpoint that are hashed at once; a larger one is hashed behind the listing."""
_CHECKPOINTS = "Stable-diffusion"
_HASH = re.compile(r" \[[0-9a-f]+\]$")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A model, and what its files were when it was looked at."""

    ref: ModelRef
    stamps: Mapping[Path, Stamp]


@dataclass(frozen=True, slots=True)
class _Scan:
    entries: Mapping[str, _Entry]
    problems: tuple[ModelProblem, ...]


class DiskModelCatalog:
    """A ``ModelCatalog`` of diffusers folders and single files below ``folder``, where a webui's layout is
    known too.

    The first call that needs the list looks at the disk; ``refresh`` looks again. Large checkpoints are
    listed without a hash until a thread behind has made it; one that is asked for is hashed then. What cannot
    be loaded is not listed but told in :meth:`problems`. A model whose files changed is looked at again when
    it is asked for.

    :param builtin: also offer the model that comes with Serena, last.
    :param cache: keeps the hashes of large files over restarts; None: nothing does.
    :param quick: bytes of a checkpoint that are hashed at once.
    """

    def __init__(
        self, folder: Path, *, builtin: bool = True, cache: Path | None = None, quick: int = QUICK
    ) -> None:
        self._folder = folder
        self._builtin = builtin
        self._quick = quick
        self._hashes = ContentHashes(cache)
        self._scan = Remembered(self._look)
        self._lock = threading.Lock()
        self._made: dict[str, _Entry] = {}
        self._reports: dict[str, ModelReport] = {}
        self._background = Background(self._hash)

    def all(self) -> Sequence[ModelRef]:
        return tuple(self._with_hash(entry).ref for entry in self._scan.get().entries.values())

    def problems(self) -> Sequence[ModelProblem]:
        """Why what looks like a checkpoint is not listed."""
        return self._scan.get().problems

    def report(self, model: ModelRef) -> ModelReport:
        """Headers are read once, until :meth:`refresh`."""
        with self._lock:
            found = self._reports.get(model.location)
        if found is None:
            found = report_on(Path(model.location))
            found = replace(found, path=model.identity.name, problem=self._below(found.problem))
            with self._lock:
                self._reports[model.location] = found
        return found

    def find(self, name: str) -> ModelRef | None:
        found = self._find(name)
        if found is not None and _stamps(Path(found.ref.location)) != dict(found.stamps):
            self.refresh()
            found = self._find(name)
        return None if found is None else found.ref

    def problem(self, name: str) -> str | None:
        asked = _HASH.sub("", name)
        return next((one.message for one in self.problems() if asked in _called(one.name)), None)

    def vae(self, model: ModelRef, option: str) -> ModelIdentity | None:
        path = find_vae(self._folder, option, Path(model.location))
        if path is None:
            return None
        check_vae(path, model.family)
        return ModelIdentity(path.name, self._hashes.of_file(path))

    def refresh(self) -> None:
        with self._lock:
            self._made, self._reports = {}, {}
        self._scan.refresh()

    def settle(self) -> None:
        """Return when every model has its hash."""
        self._scan.get()
        self._background.wait()

    def _find(self, name: str) -> _Entry | None:
        found = find_by_name(self.all(), name)
        if found is None and self._may_be_hash(name):
            self.settle()
            found = find_by_name(self.all(), name)
        if found is None:
            return None
        self._hash(found.identity.name)
        entry = self._scan.get().entries.get(found.identity.name)
        return (
            None
            if entry is None or not self._with_hash(entry).ref.identity.sha256
            else self._with_hash(entry)
        )

    def _may_be_hash(self, name: str) -> bool:
        """Whether it could be the hash of a model that has none yet."""
        ending = name.rsplit("[", 1)[-1].removesuffix("]")
        unhashed = any(not ref.identity.sha256 for ref in self.all())
        return unhashed and len(ending) in (10, 64) and all(letter in "0123456789abcdef" for letter in ending)

    def _hash(self, name: str) -> None:
        """Give the model its hash, unless it has one. A file that went away meanwhile gets none."""
        entry = self._scan.get().entries.get(name)
        if entry is None or self._with_hash(entry).ref.identity.sha256:
            return
        try:
            sha256 = self._sha256(Path(entry.ref.location))
        except ModelError:
            return
        identity = ModelIdentity(name, sha256)
        with self._lock:
            self._made[name] = replace(entry, ref=replace(entry.ref, identity=identity))

    def _with_hash(self, entry: _Entry) -> _Entry:
        with self._lock:
            made = self._made.get(entry.ref.identity.name)
        return entry if made is None or made.stamps is not entry.stamps else made

    def _sha256(self, path: Path) -> str:
        return self._hashes.of_folder(path) if path.is_dir() else self._hashes.of_file(path)

    def _look(self) -> _Scan:
        entries: dict[str, _Entry] = {}
        problems: list[ModelProblem] = []
        for name, path, root in self._candidates():
            if not is_text(name):
                problems.append(ModelProblem(printable(name), "its name is not in UTF-8; rename it"))
                continue
            try:
                entry = self._entry(name, path, root)
            except ModelError as error:
                problems.append(ModelProblem(name, self._below(str(error)) or ""))
            else:
                entries.setdefault(name, entry)
        waiting = [name for name, entry in entries.items() if not entry.ref.identity.sha256]
        self._background.give(waiting)
        return _Scan(entries, tuple(problems))

    def _below(self, sentence: str | None) -> str | None:
        """Where the models folder lies is nobody's business."""
        if sentence is None:
            return None
        for place in (str(self._folder.resolve()), str(self._folder)):
            sentence = sentence.replace(f"{place}{os.sep}", "")
            sentence = re.sub(rf"{re.escape(place)}(?![\w.-])", "the models folder", sentence)
        return printable(sentence)

    def _entry(self, name: str, path: Path, root: Path) -> _Entry:
        ref = self._folder_ref(name, path, root) if path.is_dir() else self._file_ref(name, path, root)
        stamps = _stamps(path.resolve())
        if self._hashes.to_hash(path.resolve()) <= self._quick:
            identity = ModelIdentity(name, self._sha256(path.resolve()))
            ref = replace(ref, identity=identity)
        return _Entry(ref, stamps)

    def _folder_ref(self, name: str, path: Path, root: Path) -> ModelRef:
        check_diffusers_folder(path, root)
        kind = describe_folder(path)
        location = str(path.resolve())
        return ModelRef(
            ModelIdentity(name, ""),
            location,
            inpainting=kind.inpainting,
            editing=kind.editing,
            family=kind.family,
        )

    def _file_ref(self, name: str, path: Path, root: Path) -> ModelRef:
        kind, config = describe_checkpoint(path, root), config_beside(path)
        return ModelRef(
            ModelIdentity(name, ""),
            str(path.resolve()),
            config=None if config is None else config.relative_to(root).as_posix(),
            inpainting=kind.inpainting,
            editing=kind.editing,
            family=kind.family,
            prediction=kind.prediction,
        )

    def _candidates(self) -> Iterator[tuple[str, Path, Path]]:
        seen: set[Path] = set()
        for base, deepest in ((self._folder / _CHECKPOINTS, 6), (self._folder, 1)):
            for path in (*find_folders(base), *find_files(base, deepest)):
                if path.resolve() not in seen:
                    seen.add(path.resolve())
                    yield path.relative_to(base).as_posix(), path, self._folder
        if self._builtin:
            yield BUILTIN_NAME, BUILTIN_FOLDER, BUILTIN_FOLDER


def _called(name: str) -> tuple[str, ...]:
    """How one may ask for what has no hash."""
    identity = ModelIdentity(name, "")
    return identity.name, identity.model_name, identity.stem


def _stamps(path: Path) -> dict[Path, Stamp]:
    """Of its files; of one that went away there is none."""
    found = {}
    for file in files_of(path):
        try:
            found[file] = stamp_of(file)
        except OSError:
            continue
    return found
