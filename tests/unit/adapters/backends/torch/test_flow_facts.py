"""What stubs cannot show of flow models: numbers of the makers, and what only real sizes and formats meet."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.backends.torch.families.flow_configs import LONG_TEXTS, long_text_shape
from adapters.backends.torch.families.flow_kinds import LongText
from adapters.backends.torch.families.flow_parts import long_config
from adapters.backends.torch.families.vae_names import vae_names
from adapters.backends.torch.flow.prompts import prompts_of
from adapters.backends.torch.flow.transformers import transformer_network
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.text import TextOptions
from core.domain.errors import InvalidValue
from core.domain.model import ModelIdentity, ModelRef
from core.prompt.emphasis import Emphasis
from tests.unit.adapters.backends.torch.against_flow import asking
from tests.unit.adapters.backends.torch.rig import CPU, reference

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own


@pytest.fixture(scope="module")
def klein(flow_stubs: Path) -> LoadedModel:
    return load_model(reference(flow_stubs / "flux2-klein-stub"), CPU, torch.float32)


@pytest.fixture(scope="module")
def flux(flow_stubs: Path) -> LoadedModel:
    return load_model(reference(flow_stubs / "flux-stub"), CPU, torch.float32)


@pytest.fixture(scope="module")
def z_image(flow_stubs: Path) -> LoadedModel:
    return load_model(reference(flow_stubs / "z-image-stub"), CPU, torch.float32)


class Transformer:
    """Answers with what it was given, and keeps the places."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.words = torch.empty(0)
        self.pictures = torch.empty(0)

    def __call__(self, hidden_states: torch.Tensor, **given: Any) -> tuple[torch.Tensor]:
        self.words, self.pictures = given["txt_ids"], given["img_ids"]
        return (hidden_states,)


def places(model: LoadedModel, rows: int, tokens: int, pooled: int | None) -> Transformer:
    seen = Transformer(model.unet.config)
    other = dataclasses.replace(model, unet=seen, dtype=torch.bfloat16)
    told = None if pooled is None else torch.zeros(1, pooled)
    with asking() as member:
        network = transformer_network(other, member, 0.0)
        network(torch.zeros(1, model.latent_channels, rows, 2), 500.0, torch.zeros(1, tokens, 8), told)
    return seen


def test_places_beyond_256_differ_in_bfloat16_too(klein: LoadedModel, flux: LoadedModel) -> None:
    seen = places(klein, 2 * 300, 512, None)
    assert seen.words[:, 3].tolist() == list(range(512))
    assert seen.pictures[:, 1].tolist() == list(range(300))
    assert places(flux, 2 * 300, 8, 33).pictures[:, 1].tolist() == list(range(300))


def test_norms_of_text_encoders_are_those_of_their_makers() -> None:
    """Libraries have another number where a configuration does not tell."""
    assert long_config(LongText.QWEN_VL, LONG_TEXTS[LongText.QWEN_VL]).rms_norm_eps == 1e-6
    assert long_config(LongText.QWEN, LONG_TEXTS[LongText.QWEN]).rms_norm_eps == 1e-6
    assert long_config(LongText.T5, LONG_TEXTS[LongText.T5]).layer_norm_epsilon == 1e-6


def test_the_size_of_qwen_is_told_by_its_weights(flow_stubs: Path, klein: LoadedModel) -> None:
    """The larger klein is read by a larger Qwen than the smaller."""
    assert klein.long is not None
    prefix, own = "text_encoders.qwen3_4b.transformer.", klein.long[1].config
    weights = {
        name.removeprefix(prefix): x
        for name, x in load_file(flow_stubs / "flux2-klein-stub.safetensors").items()
        if name.startswith(prefix)
    }
    told = long_text_shape(LongText.QWEN, weights)
    known = LONG_TEXTS[LongText.QWEN]
    assert {key: told[key] for key in told.keys() - {"rope_parameters"}} == {
        key: getattr(own, key) for key in told.keys() - {"rope_parameters"}
    }
    assert told["hidden_size"] != known["hidden_size"]
    assert long_text_shape(LongText.QWEN, {}) == known


def test_clip_of_sd3_may_lack_its_projection(flow_stubs: Path, tmp_path: Path) -> None:
    """Its makers' files have none: the vector for the whole text stays as it is."""
    path = tmp_path / "mine.safetensors"
    weights = load_file(flow_stubs / "sd3-stub.safetensors")
    del weights["text_encoders.clip_l.transformer.text_projection.weight"]
    save_file(weights, path)
    without = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(flow_stubs / "sd3-stub", path.with_suffix(""), ignore=without)
    model = load_model(ModelRef(ModelIdentity(path.name, "0" * 64), str(path)), CPU, torch.float32)
    projection = model.text_encoder.text_projection.weight
    assert torch.equal(projection, torch.eye(projection.shape[0]))


def test_without_t5_there_is_a_row_of_nothing_for_each_of_clip(flow_stubs: Path) -> None:
    prompts = prompts_of(load_model(reference(flow_stubs / "sd3-stub"), CPU, torch.float32))
    texts = prompts.encode(("cat BREAK dog",), TextOptions(Emphasis.NO_NORM, 1, 20))
    assert texts[0].context.shape[0] == 4 * 77
    assert not texts[0].context[2 * 77 :].any()


def test_a_vae_under_the_names_of_diffusers_keeps_them() -> None:
    odd = {"decoder.conv_in.weight": torch.zeros(1)}
    assert vae_names(SimpleNamespace, {}, odd) == odd


@pytest.mark.parametrize(
    ("rows", "tokens", "sentence"),
    [
        (8, 481, "prompt is '481 tokens'; this model takes at most 480"),
        (66, 8, "height is 528; this model draws at most 512 pixels"),
    ],
)
def test_places_of_z_image_end(z_image: LoadedModel, rows: int, tokens: int, sentence: str) -> None:
    """Beyond them a GPU would be lost for the process."""
    with pytest.raises(InvalidValue) as caught:
        ask(z_image, rows, tokens)
    assert sentence in str(caught.value)


def test_the_longest_text_of_z_image_is_read(z_image: LoadedModel) -> None:
    assert ask(z_image, 8, 480).shape == (1, 16, 8, 2)


def test_places_of_words_of_qwen_image_end(flow_stubs: Path) -> None:
    model = load_model(reference(flow_stubs / "qwen-image-stub"), CPU, torch.float32)
    with pytest.raises(InvalidValue, match="this model takes at most 4094"):
        ask(model, 8, 4095)


def ask(model: LoadedModel, rows: int, tokens: int) -> torch.Tensor:
    """All of the text are tokens."""
    x = torch.zeros(1, model.latent_channels, rows, 2)
    with asking() as member, torch.inference_mode():
        return transformer_network(model, member, 0.0)(x, 500.0, torch.ones(1, tokens, 33))
