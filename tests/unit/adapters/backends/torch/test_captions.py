"""Captions by a tiny BLIP with random weights, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from adapters.backends.torch.interrogators import BlipInterrogators
from contracts.upscalers import NotingWatch, smooth
from core.domain.errors import Interrupted, InvalidValue, ModelError
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry, OptionValues

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{i}" for i in range(25)))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a captioner of some ten thousand numbers."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    from adapters.backends.torch.model import quiet_libraries

    quiet_libraries()
    root = tmp_path_factory.mktemp("models")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": len(WORDS), "encoder_hidden_size": 16, "max_position_embeddings": 64}
    marks = {"bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(
        vision_config={**small, "image_size": 32, "patch_size": 16},
        text_config={**small, **text, **marks, "projection_dim": 16},
        projection_dim=16,
    )
    torch.manual_seed(0)
    folder = root / "BLIP"
    BlipForConditionalGeneration(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return root


def options(**changed: float) -> OptionValues:
    return OptionRegistry(OPTIONS).values(
        {"interrogate_clip_min_length": 4, "interrogate_clip_max_length": 8, **changed}
    )


def test_a_caption_of_words(models: Path) -> None:
    interrogators = BlipInterrogators(models, "cpu")
    assert interrogators.missing("clip") is None
    watch = NotingWatch()
    caption = interrogators.describe("clip", smooth("RGB"), options(), watch)
    assert caption
    assert all(word in WORDS for word in caption.split())
    assert watch.passes == [8]
    assert watch.steps == list(range(1, len(watch.steps) + 1))
    assert interrogators.describe("clip", smooth("RGB"), options(), NotingWatch()) == caption


def test_beams_are_an_option(models: Path) -> None:
    caption = BlipInterrogators(models, "cpu").describe(
        "clip", smooth("RGB"), options(interrogate_clip_num_beams=3), NotingWatch()
    )
    assert caption


def test_an_interrupt_ends_it_within_a_token(models: Path) -> None:
    watch = NotingWatch(stop_after=2)
    with pytest.raises(Interrupted):
        BlipInterrogators(models, "cpu").describe("clip", smooth("RGB"), options(), watch)
    assert len(watch.steps) == 2


def test_without_a_folder_it_says_where_to_put_one(tmp_path: Path) -> None:
    interrogators = BlipInterrogators(tmp_path, "cpu")
    assert interrogators.names() == ("clip", "deepdanbooru")
    assert "models/BLIP" in str(interrogators.missing("clip"))
    assert "pickle" in str(interrogators.missing("deepdanbooru"))
    with pytest.raises(ModelError, match="models/BLIP"):
        interrogators.describe("clip", smooth("RGB"), options(), NotingWatch())
    with pytest.raises(InvalidValue, match="clip, deepdanbooru"):
        interrogators.describe("nope", smooth("RGB"), options(), NotingWatch())


def test_a_broken_folder_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "clip-interrogator" / "some"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    interrogators = BlipInterrogators(tmp_path, "cpu")
    assert interrogators.missing("clip") is None
    with pytest.raises(ModelError, match="some cannot be loaded"):
        interrogators.describe("clip", smooth("RGB"), options(), NotingWatch())
