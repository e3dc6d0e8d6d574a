"""Textual inversions: words of prompts that stand for the vectors of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from core.prompt.chunks import CHUNK
from plugins.builtin.textual_inversion.vectors import VectorFiles, Vectors
from plugins.hookspecs import AppInfo, hookimpl

NAME = "textual_inversion"
HASHES = "TI hashes"
DIGITS = 12


class Texts(Protocol):
    """What is used here of a ``TorchTextDraft``: only the torch backend may know more of tensors."""

    @property
    def run(self) -> Any: ...
    @property
    def texts(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def widths(self) -> tuple[int, ...]: ...
    @property
    def words(self) -> dict[str, Any]: ...
    @property
    def infotext_params(self) -> tuple[dict[str, str], ...]: ...
    def find(self, names: Iterable[str], texts: Sequence[str]) -> frozenset[str]: ...
    def put(self, name: str, vectors: Sequence[Any], key: str) -> None: ...


class TextualInversionPlugin:
    """Puts the vectors of files into texts that have their names, where they fit the model. A word that
    another plugin has put there stays."""

    def __init__(self) -> None:
        self._app: AppInfo | None = None
        self._files = VectorFiles()

    @hookimpl
    def serena_ready(self, app: AppInfo) -> None:
        self._app = app

    @hookimpl(optionalhook=True)
    def serena_torch_text(self, draft: Texts) -> None:
        if self._app is None or not draft.widths:
            return
        found = self._heard(draft, _fitting(self._app, draft))
        for name, vectors in found.items():
            draft.put(name, vectors.tensors, vectors.digest)
        if found and draft.run.options.flag("textual_inversion_add_hashes_to_infotext"):
            _write_hashes(draft, found)

    def _heard(self, draft: Texts, paths: dict[str, Path]) -> dict[str, Vectors]:
        """The vectors of those that the texts have. One that cannot be read leaves its place to shorter
        names."""
        texts = tuple(dict.fromkeys(chain.from_iterable(draft.texts)))
        while paths:
            names = draft.find((*paths, *draft.words), texts) & paths.keys()
            read = {name: self._files.of(paths[name]) for name in names}
            # A file may have changed since it was listed.
            whole = {name: one for name, one in read.items() if one and one.widths == draft.widths}
            if len(whole) == len(read):
                return whole
            paths = {name: path for name, path in paths.items() if name not in read or name in whole}
        return {}


def _fitting(app: AppInfo, draft: Texts) -> dict[str, Path]:
    return {
        ref.name: app.embeddings_dir / ref.filename
        for ref in app.resources.embeddings()
        if ref.widths == draft.widths and 0 < ref.vectors <= CHUNK and ref.name not in draft.words
    }


def _write_hashes(draft: Texts, found: Mapping[str, Vectors]) -> None:
    """Of each picture those that its texts have, in either pass."""
    kept: dict[int, dict[str, str]] = draft.run.state.setdefault(NAME, {})
    heard = {texts: sorted(draft.find(draft.words, texts) & found.keys()) for texts in set(draft.texts)}
    for index, (texts, params) in enumerate(zip(draft.texts, draft.infotext_params, strict=True)):
        hashes = kept.setdefault(index, {})
        for name in heard[texts]:
            hashes[_plain(name)] = found[name].digest[:DIGITS]
        if hashes:
            params[HASHES] = ", ".join(f"{name}: {digest}" for name, digest in hashes.items())


def _plain(name: str) -> str:
    return name.replace(":", "").replace(",", "")
