"""What the text encoder sees and how often, on a stub model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.text import CACHED_TEXTS, TextEncoder, TextOptions
from core.prompt.emphasis import Emphasis

LONG = "red, blue cat on the " * 20


@pytest.fixture
def encoder(stub_model: LoadedModel) -> TextEncoder:
    return TextEncoder(stub_model.tokenizer, stub_model.text_encoder, stub_model.device)


def options(emphasis: Emphasis = Emphasis.ORIGINAL, clip_skip: int = 1) -> TextOptions:
    return TextOptions(emphasis=emphasis, clip_skip=clip_skip, comma_backtrack=20)


def encoded(encoder: TextEncoder, text: str, **changes: object) -> Tensor:
    return encoder.encode((text,), options(**changes))[0]  # type: ignore[arg-type]


def test_the_second_time_makes_no_call(encoder: TextEncoder) -> None:
    first = encoded(encoder, "a red cat")
    assert encoder.calls == 1
    assert encoded(encoder, "a red cat") is first
    assert encoder.calls == 1


def test_what_the_encoder_sees_is_the_key(encoder: TextEncoder) -> None:
    encoded(encoder, "red")
    encoded(encoder, "red", clip_skip=2)
    encoded(encoder, "red", emphasis=Emphasis.NO_NORM)
    encoder.encode(("red", "blue"), options())
    assert encoder.calls == 4


def test_the_cache_has_an_end(encoder: TextEncoder) -> None:
    encoded(encoder, "red")
    for number in range(CACHED_TEXTS):
        encoded(encoder, f"cat {number}")
    before = encoder.calls
    encoded(encoder, "red")
    assert encoder.calls == before + 1


def test_the_empty_prompt_is_one_chunk(encoder: TextEncoder) -> None:
    assert encoded(encoder, "").shape == (77, 32)


@pytest.mark.parametrize(("text", "chunks"), [("red", 1), ("red BREAK blue", 2), (LONG, 2)])
def test_chunks_are_laid_end_to_end(encoder: TextEncoder, text: str, chunks: int) -> None:
    assert encoded(encoder, text).shape == (77 * chunks, 32)
    assert encoder.calls == chunks


def test_break_is_two_prompts_beside_each_other(encoder: TextEncoder) -> None:
    both = encoded(encoder, "red BREAK blue")
    apart = torch.cat([encoded(encoder, "red"), encoded(encoder, "blue")])
    assert torch.allclose(both, apart, atol=1e-6)


def test_texts_of_one_schedule_become_equally_long(encoder: TextEncoder) -> None:
    short, long = encoder.encode(("red", LONG), options())
    assert short.shape == long.shape
    assert torch.allclose(short[77:154], encoded(encoder, ""), atol=1e-6)


def test_weights_are_applied_to_their_tokens(encoder: TextEncoder) -> None:
    plain, weighted = (
        encoded(encoder, text, emphasis=Emphasis.NO_NORM) for text in ("a red cat", "a (red:1.5) cat")
    )
    changed = [i for i in range(77) if not torch.equal(plain[i], weighted[i])]
    assert changed == [2]
    assert torch.allclose(weighted[2], plain[2] * 1.5)


def test_original_keeps_the_mean(encoder: TextEncoder) -> None:
    plain, weighted = encoded(encoder, "a red cat"), encoded(encoder, "a (red:1.5) cat")
    assert weighted.mean() == pytest.approx(float(plain.mean()), rel=1e-4)
    assert not torch.equal(plain, weighted)


def test_ignore_reads_brackets_and_forgets_weights(encoder: TextEncoder) -> None:
    weighted = encoded(encoder, "a (red:1.5) cat", emphasis=Emphasis.IGNORE)
    assert torch.equal(weighted, encoded(encoder, "a red cat", emphasis=Emphasis.IGNORE))


def test_none_takes_brackets_as_text(encoder: TextEncoder) -> None:
    literal = encoded(encoder, "a (red:1.5) cat", emphasis=Emphasis.NONE)
    escaped = encoded(encoder, r"a \(red:1.5\) cat", emphasis=Emphasis.IGNORE)
    assert torch.equal(literal, escaped)


def test_clip_skip_takes_an_earlier_layer_through_the_last_norm(
    encoder: TextEncoder, stub_model: LoadedModel
) -> None:
    last, earlier = encoded(encoder, "red"), encoded(encoder, "red", clip_skip=2)
    assert not torch.allclose(last, earlier)
    modules = dict(stub_model.text_encoder.named_modules())
    [norm] = [module for name, module in modules.items() if name.endswith("final_layer_norm")]
    unscaled = (earlier - norm.bias) / norm.weight
    assert torch.allclose(unscaled.mean(dim=1), torch.zeros(77), atol=1e-5)


def test_clip_skip_beyond_the_first_layer_stops_there(encoder: TextEncoder) -> None:
    assert torch.equal(encoded(encoder, "red", clip_skip=12), encoded(encoder, "red", clip_skip=3))
