"""What is encoded is kept, as long as there is room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models

from adapters.backends.onnx.arrays import Floats
from adapters.backends.onnx.layout import read_export
from adapters.backends.onnx.text import CACHED_TEXTS, ExportTokenizer, PromptEncoder, TextOptions
from core.domain.model import ModelIdentity, ModelRef
from core.prompt.emphasis import Emphasis
from tests.unit.adapters.backends.onnx.tiny import write_export

REF = ModelRef(ModelIdentity("cats", "ab" * 32), "cats")
OPTIONS = TextOptions(Emphasis.NO_NORM, 1, 20)


class Network:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, tokens: Floats) -> Floats:
        self.calls += 1
        return np.stack([tokens[..., None] * 0.0, tokens[..., None] * 1.0]).astype(np.float32)


def test_the_last_texts_are_remembered(tmp_path: Path) -> None:
    write_export(tmp_path, REF)
    tokenizer = ExportTokenizer(
        Tokenizer(models.WordLevel({"a": 3, "?": 0}, "?")), read_export(tmp_path, REF)
    )
    network = Network()
    encoder = PromptEncoder(tokenizer, network)
    [first] = encoder.encode(("a",), OPTIONS)
    assert first[:4, 0].tolist() == [1.0, 3.0, 2.0, 2.0]
    for number in range(CACHED_TEXTS - 1):
        encoder.encode((f"a {number}",), OPTIONS)
    encoder.encode(("a",), OPTIONS)
    assert network.calls == CACHED_TEXTS
    encoder.encode(("one more",), OPTIONS)
    encoder.encode(("a 0",), OPTIONS)
    assert network.calls == CACHED_TEXTS + 2
