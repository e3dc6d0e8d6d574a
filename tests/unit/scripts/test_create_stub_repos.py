from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/dev/create_stub_repos.py"
LIMIT = 2_000_000


def hashes(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def create(out: Path, *argv: str) -> dict[str, str]:
    """The sha256 of every file, as written by this process."""
    from scripts.dev.create_stub_repos import main

    assert main([str(out), *argv]) == 0
    return hashes(out)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Written by a process of its own, which is what the others are compared with."""
    out = tmp_path_factory.mktemp("stubs")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(SCRIPT), str(out), "--family", "sd15"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return out, hashes(out)


@pytest.fixture(scope="module")
def stubs(first: tuple[Path, dict[str, str]]) -> Path:
    return first[0] / "sd15-stub"


def test_the_same_seed_gives_the_same_bytes(first: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    assert create(tmp_path, "--seed", "0", "--family", "sd15") == first[1]


def test_another_seed_gives_other_weights(first: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    ours, other = first[1], create(tmp_path, "--seed", "1", "--family", "sd15")
    assert ours.keys() == other.keys()
    changed = {name for name in ours if ours[name] != other[name]}
    assert changed == {name for name in ours if name.endswith(".safetensors")}


def test_it_is_small_and_complete(stubs: Path) -> None:
    assert sum(path.stat().st_size for path in stubs.rglob("*") if path.is_file()) < LIMIT
    index = json.loads((stubs / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"
    parts = {name for name, value in index.items() if isinstance(value, list) and value[0]}
    assert parts == {path.name for path in stubs.iterdir() if path.is_dir()}


def test_it_loads_and_draws_numbers(stubs: Path) -> None:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    torch.set_num_threads(1)
    tokenizer = CLIPTokenizer.from_pretrained(stubs / "tokenizer")
    assert tokenizer.tokenize("the red cat!") == ["the</w>", "red</w>", "cat</w>", "!</w>"]
    tokens = tokenizer("the red cat", padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        text = CLIPTextModel.from_pretrained(stubs / "text_encoder")(tokens).last_hidden_state
        unet = UNet2DConditionModel.from_pretrained(stubs / "unet")
        latent = unet(torch.ones(1, 4, 8, 8), 500, text).sample
        picture = AutoencoderKL.from_pretrained(stubs / "vae").decode(latent).sample
    assert tuple(picture.shape) == (1, 3, 64, 64)
    assert bool(picture.isfinite().all())
