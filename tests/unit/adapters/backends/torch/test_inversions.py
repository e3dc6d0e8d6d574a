"""Textual inversions: found in prompts, laid over the embedding layer, read anew when their file changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adapters.backends.torch.inversions import EmbeddedChunks, Inversions
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.text import TextEncoder, TextOptions
from core.prompt.emphasis import Emphasis

OPTIONS = TextOptions(emphasis=Emphasis.ORIGINAL, clip_skip=1, comma_backtrack=20)
PLACE = 2
"""Of "calm" in "a calm": behind the start token and "a"."""


@pytest.fixture
def folder(tmp_path: Path, stub_model: LoadedModel) -> Path:
    save(tmp_path / "calm.safetensors", stub_model, 1)
    return tmp_path


def save(path: Path, model: LoadedModel, seed: int, vectors: int = 2) -> None:
    width = model.text_encoder.config.hidden_size
    rows = torch.randn(vectors, width, generator=torch.Generator().manual_seed(seed))
    save_file({"emb_params": rows}, path)


def encoder(model: LoadedModel, folder: Path | None) -> TextEncoder:
    return TextEncoder(model.tokenizer, model.text_encoder, model.device, Inversions(folder))


def test_a_word_of_the_folder_changes_the_encoding(stub_model: LoadedModel, folder: Path) -> None:
    with_word, without = encoder(stub_model, folder), encoder(stub_model, None)
    [changed], [plain] = with_word.encode(("a calm",), OPTIONS), without.encode(("a calm",), OPTIONS)
    assert torch.equal(changed[:PLACE], plain[:PLACE])
    assert not torch.allclose(changed[PLACE], plain[PLACE])
    [same], [also] = with_word.encode(("a cat",), OPTIONS), without.encode(("a cat",), OPTIONS)
    assert torch.equal(same, also)


def test_the_vectors_stand_where_the_word_stood(stub_model: LoadedModel, folder: Path) -> None:
    """An inversion made of the vectors of two known tokens encodes as those tokens do."""
    layer = getattr(stub_model.text_encoder, "text_model", stub_model.text_encoder).embeddings.token_embedding
    known = stub_model.tokenizer("a", add_special_tokens=False).input_ids
    save_file({"emb_params": layer.weight[known * 2].clone()}, folder / "calm.safetensors")
    [word], [tokens] = (encoder(stub_model, folder).encode((text,), OPTIONS) for text in ("calm", "a a"))
    assert torch.allclose(word, tokens, atol=1e-6)


def test_a_changed_file_is_read_anew(stub_model: LoadedModel, folder: Path) -> None:
    one = encoder(stub_model, folder)
    [before] = one.encode(("calm",), OPTIONS)
    save(folder / "calm.safetensors", stub_model, 2, vectors=3)
    [after] = one.encode(("calm",), OPTIONS)
    assert not torch.allclose(before, after)


def test_files_that_hold_none_are_left_out(stub_model: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    save_file({"a": torch.zeros(2, 2, 2)}, tmp_path / "cube.safetensors")
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "two.safetensors")
    save_file({"any": torch.zeros(7)}, tmp_path / "other-width.safetensors")
    found = Inversions(tmp_path)
    found.refresh()
    assert found.counts(7) == {"other-width": 1}
    assert found.counts(stub_model.text_encoder.config.hidden_size) == {}


def test_a_link_that_leads_out_of_the_folder_is_not_read(stub_model: LoadedModel, tmp_path: Path) -> None:
    folder, outside = tmp_path / "embeddings", tmp_path / "elsewhere"
    folder.mkdir()
    outside.mkdir()
    save(outside / "secret.safetensors", stub_model, 1)
    save(folder / "own.safetensors", stub_model, 1)
    (folder / "secret.safetensors").symlink_to(outside / "secret.safetensors")
    (folder / "all").symlink_to(outside)
    (folder / "alias.safetensors").symlink_to(folder / "own.safetensors")
    found = Inversions(folder)
    found.refresh()
    assert sorted(found.vectors) == ["alias", "own"]


class Words(torch.nn.Module):
    """The part of a text encoder that vectors are laid over."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(3, 2)
        self.embeddings = torch.nn.Module()
        self.embeddings.token_embedding = self.words

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.words(ids)
        return found


def test_a_copy_made_while_vectors_are_held_holds_none() -> None:
    network, ids = Words(), torch.zeros((1, 2), dtype=torch.long)
    embedded, plain = EmbeddedChunks(network), network(ids)
    with embedded.holding([[(1, torch.full((1, 2), 9.0))]]):
        assert network(ids)[0, 1].tolist() == [9.0, 9.0]
        copy = sharing_copy(network)
    assert torch.equal(copy(ids), plain)


def test_encoders_of_one_network_watch_it_once() -> None:
    network = Words()
    for _ in range(3):
        EmbeddedChunks(network)
    assert len(network.words._forward_hooks) == 1
