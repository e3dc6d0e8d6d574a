"""Which files of textual inversions are read, and what becomes of those that cannot be."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from adapters.models.resource_files import DiskResourceFiles
from core.domain.resources import EmbeddingRef, LoraRef
from plugins.builtin.textual_inversion import TextualInversionPlugin
from plugins.builtin.textual_inversion.vectors import VectorFiles
from plugins.hookspecs import AppInfo

ON = SimpleNamespace(flag=lambda name: name == "textual_inversion_add_hashes_to_infotext")


@dataclass
class Draft:
    """A ``TorchTextDraft`` whose tokenizer reads a word for a token; the longest name of a place wins."""

    texts: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...] = (4,)
    words: dict[str, Any] = field(default_factory=dict)
    infotext_params: tuple[dict[str, str], ...] = ({},)
    run: Any = field(default_factory=lambda: SimpleNamespace(options=ON, state={}))

    def find(self, names: Iterable[str], texts: Sequence[str]) -> frozenset[str]:
        known = sorted(names, key=len, reverse=True)
        found = set()
        for text in texts:
            for name in known:
                if name in text:
                    found.add(name)
                    text = text.replace(name, "")
        return frozenset(found)

    def put(self, name: str, vectors: Sequence[Any], key: str) -> None:
        self.words[name] = (tuple(vectors), key)


@dataclass
class Listed:
    """Files as they were."""

    found: Sequence[EmbeddingRef]

    def loras(self) -> Sequence[LoraRef]:
        return ()

    def embeddings(self) -> Sequence[EmbeddingRef]:
        return self.found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "embeddings"
    made.mkdir()
    return made


def save(path: Path, *shape: int, **others: torch.Tensor) -> None:
    save_file({"emb_params": torch.ones(*shape), **others}, path)


def heard(folder: Path, text: str, widths: tuple[int, ...] = (4,)) -> Draft:
    plugin = TextualInversionPlugin()
    resources = DiskResourceFiles(folder.parent / "models", folder)
    plugin.serena_ready(AppInfo("1", "1.3", "torch", resources=resources, embeddings_dir=folder))
    draft = Draft(((text,),), widths)
    plugin.serena_torch_text(draft)
    return draft


def test_only_what_fits_the_model_stands_for_a_word(folder: Path) -> None:
    save(folder / "one.safetensors", 2, 4)
    save(folder / "two.safetensors", 2, 4, clip_g=torch.ones(2, 6))
    save(folder / "many.safetensors", 76, 4)
    save(folder / "none.safetensors", 0, 4)
    save_file({"<any>": torch.ones(4)}, folder / "flat.safetensors")
    text = "one two many none flat"
    assert sorted(heard(folder, text).words) == ["flat", "one"]
    [(first, second), _] = heard(folder, text, (4, 6)).words["two"]
    assert (first.shape, second.shape) == ((2, 4), (2, 6))
    assert heard(folder, text, ()).words == {}
    assert heard(folder, "something else").words == {}


def test_what_cannot_be_read_leaves_its_place_to_a_shorter_name(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(folder / "calm.safetensors", 1, 4, clip_g=torch.ones(1, 4))
    save(folder / "calm sea.safetensors", 1, 4, clip_g=torch.ones(2, 4))
    save(folder / "cubic.safetensors", 1, 4, clip_g=torch.ones(1, 1, 4))
    with caplog.at_level(logging.WARNING):
        assert list(heard(folder, "a calm sea", (4, 4)).words) == ["calm"]
        assert heard(folder, "cubic", (4, 4)).words == {}
    assert "the textual inversion calm sea.safetensors is left out: it holds no vectors" in caplog.text
    save(folder / "calm sea.safetensors", 1, 4)
    assert list(heard(folder, "a calm sea").words) == ["calm sea"]


def test_a_file_that_has_changed_since_it_was_listed_is_left_out(folder: Path) -> None:
    save(folder / "calm.safetensors", 1, 5)
    save_file({"emb_params": torch.ones(1, 4, dtype=torch.complex64)}, folder / "storm.safetensors")
    listed = [
        EmbeddingRef(name=name, shape=4, vectors=1, filename=f"{name}.safetensors")
        for name in ("calm", "storm")
    ]
    plugin = TextualInversionPlugin()
    plugin.serena_ready(AppInfo("1", "1.3", "torch", resources=Listed(listed), embeddings_dir=folder))
    draft = Draft((("a calm storm",),))
    plugin.serena_torch_text(draft)
    assert draft.words == {}


def test_a_link_that_leads_out_of_the_folder_is_not_read(folder: Path) -> None:
    outside = folder.parent / "elsewhere"
    outside.mkdir()
    save(outside / "secret.safetensors", 1, 4)
    save(folder / "own.safetensors", 1, 4)
    (folder / "secret.safetensors").symlink_to(outside / "secret.safetensors")
    (folder / "all").symlink_to(outside)
    (folder / "alias.safetensors").symlink_to(folder / "own.safetensors")
    assert sorted(heard(folder, "secret own alias").words) == ["alias", "own"]


def test_a_file_is_read_once_until_it_changes(folder: Path) -> None:
    files, path = VectorFiles(most=1), folder / "calm.safetensors"
    save(path, 1, 4)
    first = files.of(path)
    assert files.of(path) is first
    save(path, 2, 4)
    changed = files.of(path)
    assert first is not None
    assert changed is not None
    assert (first.tensors[0].shape, changed.tensors[0].shape) == ((1, 4), (2, 4))
    assert first.digest != changed.digest
    other = folder / "other.safetensors"
    save(other, 1, 4)
    assert files.of(other) is not None
    assert files.of(path) is not changed
    path.unlink()
    assert files.of(path) is None


def test_before_it_knows_the_folder_there_are_none() -> None:
    draft = Draft((("calm",),))
    TextualInversionPlugin().serena_torch_text(draft)
    assert draft.words == {}
    assert AppInfo("1", "1.3", "fake").resources.embeddings() == ()
