"""The export of the demo model: both layouts hold the same model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own

Pipelines = tuple[Path, Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    from scripts.dev.demo_model import export, text, tokenizer, unet, vae

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("export")
    words = tokenizer.write(folder / "words")
    settings = text.TextSettings(hidden=32, layers=1, heads=2)
    network = unet.build(unet.UnetSettings(widths=(16, 24, 32)), 32)
    with torch.no_grad():
        network.conv_out.weight.normal_(0, 0.2)
    autoencoder = vae.build(vae.VaeSettings(widths=(16, 16, 24, 24)))
    export.write(export.assemble(autoencoder, text.build(settings, words), words, network), folder)
    return folder / "pipeline", folder / "demo.safetensors"


def picture(load: Callable[[], object]) -> np.ndarray:
    pipeline = load()
    pipeline.set_progress_bar_config(disable=True)  # type: ignore[attr-defined]
    result = pipeline(  # type: ignore[operator]
        "a red circle",
        height=64,
        width=64,
        num_inference_steps=3,
        generator=torch.Generator().manual_seed(1),
        output_type="np",
    )
    return np.asarray(result.images[0])


def test_the_single_file_gives_the_same_picture_as_the_folder(exported: Pipelines) -> None:
    from diffusers import StableDiffusionPipeline

    folder, single = exported
    options = {"safety_checker": None, "torch_dtype": torch.float32}
    first = picture(lambda: StableDiffusionPipeline.from_pretrained(folder, **options))
    second = picture(
        lambda: StableDiffusionPipeline.from_single_file(str(single), config=str(folder), **options)
    )
    assert first.std() > 0
    assert np.abs(first - second).max() < 1e-4


def test_every_weight_has_a_name_of_its_own_in_the_single_file(exported: Pipelines) -> None:
    from safetensors import safe_open

    folder, single = exported
    count = 0
    for part in ("unet", "vae", "text_encoder"):
        for path in (folder / part).glob("*.safetensors"):
            with safe_open(path, "pt") as file:
                count += len(list(file.keys()))
    with safe_open(single, "pt") as file:
        names = set(file.keys())
    assert len(names) == count
    assert "model.diffusion_model.input_blocks.0.0.weight" in names
    assert "first_stage_model.decoder.up.0.block.0.conv1.weight" in names
    assert "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight" in names


def test_the_scheduler_does_not_clip(exported: Pipelines) -> None:
    config = json.loads((exported[0] / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    assert config["clip_sample"] is False
    assert config["prediction_type"] == "epsilon"


def test_whitening_is_exact() -> None:
    from scripts.dev.demo_model import latents, vae

    torch.manual_seed(1)
    model = vae.build(vae.VaeSettings(widths=(16, 16, 24, 24)))
    pixels = torch.rand(4, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        raw = vae.encode(model, pixels)
        before = model.decode(raw).sample
        flat = raw.permute(0, 2, 3, 1).reshape(-1, 4)
        latents.fold_whitening(model, flat.mean(0).double(), torch.cov(flat.T).double())
        white = vae.encode(model, pixels)
        after = model.decode(white).sample
    scaled = white.permute(0, 2, 3, 1).reshape(-1, 4) * vae.SCALING_FACTOR
    assert torch.allclose(before, after, atol=1e-3)
    assert torch.allclose(torch.cov(scaled.T), torch.eye(4) * latents.SPREAD**2, atol=1e-3)


def test_the_tokenizer_keeps_every_word_whole(tmp_path: Path) -> None:
    from scripts.dev.demo_model import tokenizer
    from scripts.dev.demo_model.vocabulary import words

    made = tokenizer.load((tokenizer.write(tmp_path), tmp_path)[1])
    split = [word for word in words() if word.isalpha() and len(made.tokenize(word)) != 1]
    assert split == []
    assert len(made.tokenize("xqzzy")) > 1
    assert len(made("red circle", padding="max_length").input_ids) == 77
