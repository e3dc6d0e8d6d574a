"""Texts of runs that begin together share calls of the encoder; what may not be shared stays apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.families.flow_kinds import FLOW_KINDS
from adapters.backends.torch.flow.long_text import LongTextEncoder
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.text import TextEncoder, TextOptions
from adapters.backends.torch.words import Words
from core.domain.flow_families import FLUX
from core.prompt.emphasis import Emphasis
from tests.unit.adapters.backends.torch.rig import CPU

PATIENCE = 30.0
PLAIN = TextOptions(emphasis=Emphasis.ORIGINAL, clip_skip=1, comma_backtrack=20)
WORDS = ["a red cat", "a blue dog", "(green:1.3) bird", "moon BREAK star"]


class Counted(nn.Module):
    """A small encoder that writes down its calls. The first waits until it is let go; ``bad`` is a token that
    it fails at."""

    def __init__(self, bad: int = -1) -> None:
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.token_embedding = nn.Embedding(49408, 8)
        self.config = SimpleNamespace(hidden_size=8)
        self.bad = bad
        self.calls: list[int] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def forward(self, ids: Tensor, output_hidden_states: bool = False) -> SimpleNamespace:
        self.calls.append(ids.shape[0])
        self.began.set()
        assert self.go_on.wait(PATIENCE)
        if (ids == self.bad).any():
            raise ValueError("the word is too much")
        states = self.embeddings.token_embedding(ids)
        if not output_hidden_states:
            return SimpleNamespace(last_hidden_state=states)
        return SimpleNamespace(hidden_states=[states] * 3)

    def final_layer_norm(self, states: Tensor) -> Tensor:
        return states


def together(
    network: Counted, lane: Lane, asks: Sequence[Callable[[], object]], waiting: int | None = None
) -> list[object]:
    """The first is being answered while the others come."""
    with ThreadPoolExecutor(len(asks)) as pool:
        first = pool.submit(asks[0])
        assert network.began.wait(PATIENCE)
        others = [pool.submit(ask) for ask in asks[1:]]
        while len(lane._waiting) < (len(others) if waiting is None else waiting):
            time.sleep(0.001)
        network.go_on.set()
        return [future.exception(PATIENCE) or future.result() for future in (first, *others)]


def asks(
    encoder: TextEncoder, texts: Sequence[str], options: TextOptions = PLAIN
) -> list[Callable[[], object]]:
    return [lambda text=text: encoder.encode((text,), options)[0] for text in texts]  # type: ignore[misc]


def of(model: LoadedModel, network: Counted, lane: Lane) -> TextEncoder:
    return TextEncoder(model.tokenizer, network, CPU, lane=lane)


@pytest.mark.parametrize(("rows", "calls"), [(1, [1] * 6), (4, [1, 4, 1])], ids=["apart", "shared"])
def test_what_waits_at_the_same_time(stub_model: LoadedModel, rows: int, calls: list[int]) -> None:
    network, lane = Counted(), Lane(time.monotonic, rows)
    encoder = of(stub_model, network, lane)
    found = together(network, lane, asks(encoder, ["first", *WORDS]))
    assert network.calls == calls
    assert encoder.calls == len(calls)
    alone = of(stub_model, network, Lane(time.monotonic))
    for text, answer in zip(["first", *WORDS], found, strict=True):
        assert torch.equal(answer, alone.encode((text,), PLAIN)[0])  # type: ignore[arg-type]
    before = len(network.calls)
    assert encoder.encode(("a red cat",), PLAIN)[0] is found[1]
    assert len(network.calls) == before


def test_a_text_that_two_ask_for_is_encoded_once(stub_model: LoadedModel) -> None:
    network, lane = Counted(), Lane(time.monotonic, 8)
    one, other = together(network, lane, asks(of(stub_model, network, lane), ["same"] * 2), waiting=0)
    assert one is other
    assert network.calls == [1]


def test_only_the_same_layer_is_shared(stub_model: LoadedModel) -> None:
    network, lane = Counted(), Lane(time.monotonic, 8)
    encoder = of(stub_model, network, lane)
    others = asks(encoder, ["red", "blue"], replace(PLAIN, clip_skip=2))
    together(network, lane, [*asks(encoder, ["first", "red", "blue"]), *others])
    assert network.calls == [1, 2, 2]


def test_a_run_that_shares_nothing_encodes_alone_and_for_itself(stub_model: LoadedModel) -> None:
    network, lane, solo = Counted(), Lane(time.monotonic, 8), replace(PLAIN, alone=True)
    encoder = of(stub_model, network, lane)
    together(network, lane, [*asks(encoder, ["first", "red"]), *asks(encoder, ["red", "blue"], solo)])
    assert network.calls == [1, 1, 1, 1]
    apart = of(stub_model, network, Lane(time.monotonic))
    assert apart.encode(("red",), solo)[0] is apart.encode(("red",), PLAIN)[0]


def test_vectors_are_laid_over_one_call_alone(stub_model: LoadedModel) -> None:
    calm = Words(frozenset({("calm", "1")}), {"calm": (torch.full((1, 8), 9.0),)})
    network, lane = Counted(), Lane(time.monotonic, 8)
    texts = ["first", "red", "calm", "blue"]
    encoder = of(stub_model, network, lane)
    found = together(network, lane, asks(encoder, texts, replace(PLAIN, words=calm)))
    assert sorted(network.calls) == [1, 1, 2]
    nines = [bool((answer == 9.0).all(dim=1).any()) for answer in found]  # type: ignore[attr-defined]
    assert nines == [False, False, True, False]


def test_a_text_that_fails_fails_alone(stub_model: LoadedModel) -> None:
    [bad] = stub_model.tokenizer("horse", add_special_tokens=False).input_ids[:1]
    network, lane = Counted(bad), Lane(time.monotonic, 8)
    encoder = of(stub_model, network, lane)
    found = together(network, lane, asks(encoder, ["first", "red", "horse", "blue"]))
    assert network.calls == [1, 3, 1, 1, 1]
    assert [isinstance(answer, ValueError) for answer in found] == [False, False, True, False]
    with pytest.raises(ValueError, match="too much"):
        encoder.encode(("horse",), PLAIN)


def test_the_built_in_model_says_the_same_in_company(demo_model: LoadedModel) -> None:
    lane = Lane(time.monotonic, 8)
    encoder, alone = (
        TextEncoder(demo_model.tokenizer, demo_model.text_encoder, CPU, lane=one)
        for one in (lane, Lane(time.monotonic))
    )
    lane._busy = True  # as while it answers another
    with ThreadPoolExecutor(len(WORDS)) as pool:
        futures = [pool.submit(ask) for ask in asks(encoder, WORDS)]
        while len(lane._waiting) < len(WORDS):
            time.sleep(0.001)
        with lane._changed:
            lane._busy = False
            lane._changed.notify_all()
        found = [future.result(PATIENCE) for future in futures]
    assert encoder.calls == 2
    for text, answer in zip(WORDS, found, strict=True):
        assert torch.allclose(answer, alone.encode((text,), PLAIN)[0], atol=1e-4)  # type: ignore[arg-type]


def test_long_texts_share_calls_too(stub_model: LoadedModel) -> None:
    network, lane = Counted(), Lane(time.monotonic, 8)
    kind = FLOW_KINDS[FLUX].long
    tokenizer = stub_model.tokenizer
    encoder = LongTextEncoder(kind, tokenizer, network, CPU, lane=lane)
    texts = ["first", "a red cat", "a blue dog"]
    calls = [lambda text=text: encoder.encode(text, Emphasis.NONE) for text in texts]  # type: ignore[misc]
    alone = [lambda: encoder.encode("a red cat", Emphasis.NONE, alone=True)]
    found = together(network, lane, [*calls, *alone])
    assert sorted(network.calls) == [1, 1, 2]
    assert torch.equal(found[1], found[3])  # type: ignore[arg-type]
    assert not torch.equal(found[1], found[2])  # type: ignore[arg-type]
