"""Words that vectors stand for: found as the tokenizer reads them, laid over the embedding layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from adapters.backends.torch.embedded_chunks import EmbeddedChunks
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.text import TextEncoder, TextOptions
from adapters.backends.torch.words import Words
from core.prompt.emphasis import Emphasis

OPTIONS = TextOptions(emphasis=Emphasis.ORIGINAL, clip_skip=1, comma_backtrack=20)
PLACE = 2
"""Of "calm" in "a calm": behind the start token and "a"."""


@pytest.fixture
def encoder(stub_model: LoadedModel) -> TextEncoder:
    return TextEncoder(stub_model.tokenizer, stub_model.text_encoder, stub_model.device)


def with_calm(encoder: TextEncoder, seed: int = 1, vectors: int = 2) -> TextOptions:
    rows = torch.randn(vectors, *encoder.widths, generator=torch.Generator().manual_seed(seed))
    return with_rows(rows, f"{seed}")


def with_rows(rows: torch.Tensor, key: str = "1") -> TextOptions:
    return replace(OPTIONS, words=Words(frozenset({("calm", key)}), {"calm": (rows,)}))


def test_a_word_changes_the_encoding_of_texts_that_have_it(encoder: TextEncoder) -> None:
    calm = with_calm(encoder)
    [changed], [plain] = encoder.encode(("a calm",), calm), encoder.encode(("a calm",), OPTIONS)
    assert torch.equal(changed[:PLACE], plain[:PLACE])
    assert not torch.allclose(changed[PLACE], plain[PLACE])
    before = encoder.calls
    [same], [also] = encoder.encode(("a cat",), calm), encoder.encode(("a cat",), OPTIONS)
    assert same is also
    assert encoder.calls == before + 1


def test_the_vectors_stand_where_the_word_stood(encoder: TextEncoder, stub_model: LoadedModel) -> None:
    """Those of two known tokens encode as the tokens do."""
    layer = getattr(stub_model.text_encoder, "text_model", stub_model.text_encoder).embeddings.token_embedding
    known = stub_model.tokenizer("a", add_special_tokens=False).input_ids
    [word] = encoder.encode(("calm",), with_rows(layer.weight[known * 2].clone()))
    [tokens] = encoder.encode(("a a",), OPTIONS)
    assert torch.allclose(word, tokens, atol=1e-6)


def test_other_content_is_encoded_anew(encoder: TextEncoder) -> None:
    [before] = encoder.encode(("calm",), with_calm(encoder))
    [after] = encoder.encode(("calm",), with_calm(encoder, seed=2, vectors=3))
    assert not torch.allclose(before, after)
    assert encoder.encode(("calm",), with_calm(encoder))[0] is before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a (calm:1.2) sky", {"calm"}),
        ("a Calm sea", {"calm sea"}),
        ("becalmed", set()),
        ("calm sea, calm", {"calm", "calm sea"}),
    ],
)
def test_names_are_found_as_they_are_read(encoder: TextEncoder, text: str, expected: set[str]) -> None:
    assert encoder.find(["calm", "calm sea", "storm"], ["a cat", text], Emphasis.ORIGINAL) == expected


class Layered(torch.nn.Module):
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
    network, ids = Layered(), torch.zeros((1, 2), dtype=torch.long)
    embedded, plain = EmbeddedChunks(network), network(ids)
    with embedded.holding([[(1, torch.full((1, 2), 9.0))]]):
        assert network(ids)[0, 1].tolist() == [9.0, 9.0]
        copy = sharing_copy(network)
    assert torch.equal(copy(ids), plain)


def test_encoders_of_one_network_watch_it_once() -> None:
    network = Layered()
    for _ in range(3):
        EmbeddedChunks(network)
    assert len(network.words._forward_hooks) == 1
