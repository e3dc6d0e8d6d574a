"""The option ``sd_vae``: which file it means, and what becomes of a picture."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.domain.errors import InvalidValue, ModelError
from serena import Serena
from tests.unit.adapters.backends.torch.rig import distance, draw

OWN_NAMES = "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture
def models(stub: Path, tmp_path: Path) -> Path:
    """A models folder with one checkpoint, and another VAE under the names of each layout."""
    models = tmp_path / "models"
    shutil.copytree(stub, models / "one")
    weights = load_file(stub.with_suffix(".safetensors"))
    (models / "VAE" / "sub").mkdir(parents=True)
    original = {name: x * 0.9 for name, x in weights.items() if name.startswith("first_stage_model.")}
    bare = {name.removeprefix("first_stage_model."): x for name, x in original.items()}
    save_file(bare, models / "VAE" / "bare.safetensors")
    save_file(original, models / "VAE" / "sub" / "prefixed.safetensors")
    folder = {name: x * 0.9 for name, x in load_file(stub / OWN_NAMES).items()}
    save_file(folder, models / "VAE" / "folder.safetensors")
    return models


@pytest.fixture
def serena(models: Path, tmp_path: Path) -> Iterator[Serena]:
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    with Serena(backend=backend, data_dir=tmp_path, models={"builtin": False, "dir": models}) as serena:
        yield serena


def picture(serena: Serena, vae: str) -> object:
    return draw(serena, steps=2, override_settings={"sd_vae": vae})[0]


def test_a_vae_of_either_layout_draws_its_own_picture(serena: Serena) -> None:
    own, bare = picture(serena, "None"), picture(serena, "bare.safetensors")
    assert distance(own, bare) > 0  # type: ignore[arg-type]
    for name in ("bare", "prefixed.safetensors", "folder"):
        assert distance(picture(serena, name), bare) == 0  # type: ignore[arg-type]
    assert distance(picture(serena, "Automatic"), own) == 0  # type: ignore[arg-type]


def test_the_infotext_names_a_vae_of_a_file(serena: Serena) -> None:
    def told(**options: object) -> str:
        options = {"return_grid": False, "grid_save": False, "sd_vae": "bare", **options}
        answer = serena.txt2img("a", width=64, height=64, steps=1, seed=1, override_settings=options)
        return answer.infotexts[0]

    assert re.search(r"Model: one, VAE hash: [0-9a-f]{10}, VAE: bare\.safetensors", told())
    assert "VAE" not in told(sd_vae="None")
    assert "VAE" not in told(add_vae_name_to_info=False, add_vae_hash_to_info=False)


def test_automatic_takes_a_file_that_is_named_after_the_checkpoint(serena: Serena, models: Path) -> None:
    own, bare = picture(serena, "None"), picture(serena, "bare")
    shutil.copy(models / "VAE" / "bare.safetensors", models / "VAE" / "one.good.safetensors")
    assert distance(picture(serena, "Automatic"), bare) == 0  # type: ignore[arg-type]
    assert distance(picture(serena, "None"), own) == 0  # type: ignore[arg-type]
    (models / "VAE" / "one.good.safetensors").unlink()
    shutil.copy(models / "VAE" / "bare.safetensors", models / "one.vae.safetensors")
    assert distance(picture(serena, "Automatic"), bare) == 0  # type: ignore[arg-type]


def test_a_replaced_file_is_another_vae(serena: Serena, models: Path) -> None:
    before = picture(serena, "bare")
    path = models / "VAE" / "bare.safetensors"
    save_file({name: x * 0.8 for name, x in load_file(path).items()}, path)
    assert distance(picture(serena, "bare"), before) > 0  # type: ignore[arg-type]


def test_an_unknown_name_is_refused_and_names_those_there_are(serena: Serena) -> None:
    with pytest.raises(InvalidValue, match=r"Automatic, None, bare.safetensors") as caught:
        picture(serena, "../secret")
    assert "sd_vae" in str(caught.value)


def broken(path: Path) -> None:
    path.write_bytes(b"nothing")


def of_another_family(path: Path) -> None:
    """Sixteen channels of latent, as of SD3 and Flux."""
    weights = load_file(path)
    weights["decoder.conv_in.weight"] = torch.zeros(16, 16, 3, 3)
    save_file(weights, path)


def no_vae(path: Path) -> None:
    save_file({"lora_unet_x": torch.zeros(1)}, path)


def cut(path: Path) -> None:
    weights = load_file(path)
    save_file({name: x for name, x in weights.items() if "mid.attn_1" not in name}, path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (broken, "the VAE bare.safetensors "),
        (of_another_family, "the VAE bare.safetensors makes pictures of 16 channels; .* 1.x draws 4"),
        (no_vae, "the VAE bare.safetensors is none"),
        (cut, "the VAE bare.safetensors, put in place of that of the model, has no"),
    ],
)
def test_what_does_not_fit_is_told_and_the_own_vae_still_serves(
    serena: Serena, models: Path, spoil: object, sentence: str
) -> None:
    path = models / "VAE" / "bare.safetensors"
    spoil(path)  # type: ignore[operator]
    with pytest.raises(InvalidValue, match=f"sd_vae is 'bare'; .*{sentence}"):
        picture(serena, "bare")
    path.rename(path.with_name("one.bare.safetensors"))  # which the server's option stands for
    with pytest.raises(ModelError, match=sentence.replace("bare", "one.bare")):
        draw(serena, steps=2)
    assert picture(serena, "None") is not None


def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    serena: Serena, models: Path, tmp_path: Path
) -> None:
    outside = shutil.copy(models / "VAE" / "bare.safetensors", tmp_path / "outside.safetensors")
    (models / "VAE" / "linked.safetensors").symlink_to(outside)
    with pytest.raises(InvalidValue):
        picture(serena, "linked")


def test_without_a_folder_there_is_the_own_one(serena: Serena, models: Path) -> None:
    shutil.rmtree(models / "VAE")
    assert distance(picture(serena, "Automatic"), picture(serena, "None")) == 0  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="one of Automatic, None"):
        picture(serena, "bare")
