"""Networks from their folders, read by our own way."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.backends.torch.families.reading import read_network, weight_files
from adapters.backends.torch.families.state import empty, filled, kept_apart
from core.domain.errors import ModelError

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own

WHOLE = "diffusion_pytorch_model.safetensors"
TINY: dict[str, Any] = {
    "block_out_channels": (4,),
    "down_block_types": ("DownEncoderBlock2D",),
    "up_block_types": ("UpDecoderBlock2D",),
    "norm_num_groups": 2,
    "layers_per_block": 1,
}


@pytest.fixture(scope="module")
def tiny_vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a VAE. Do not change it."""
    from diffusers import AutoencoderKL

    folder = tmp_path_factory.mktemp("model") / "vae"
    AutoencoderKL(**TINY).save_pretrained(folder)
    return folder


def vae_class() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL


def copied(folder: Path, out: Path, weights: dict[str, dict[str, torch.Tensor]]) -> Path:
    """Its configuration with these files of weights."""
    target = out / "model" / folder.name
    target.mkdir(parents=True)
    (target / "config.json").write_bytes((folder / "config.json").read_bytes())
    for name, tensors in weights.items():
        save_file(tensors, target / name)
    return target


def made_elsewhere() -> torch.nn.Linear:
    """A layer that another thread makes, while this one waits for it."""
    found: list[torch.nn.Linear] = []
    thread = threading.Thread(target=lambda: found.append(torch.nn.Linear(2, 2)))
    thread.start()
    thread.join()
    return found[0]


def test_other_threads_make_their_networks_with_weights_while_one_is_read(tiny_vae: Path) -> None:
    seen: list[torch.nn.Linear] = []

    class Curious:
        @staticmethod
        def from_config(config: dict[str, Any]) -> Any:
            network = vae_class().from_config(config)
            seen.append(made_elsewhere())
            return network

    assert read_network(tiny_vae, Curious, torch.float16).dtype == torch.float16
    assert {(layer.weight.device.type, layer.weight.dtype) for layer in seen} == {("cpu", torch.float32)}
    assert all(float(layer.weight.detach().abs().sum()) > 0 for layer in seen)


def test_what_a_network_counts_for_itself_is_there_without_its_weights() -> None:
    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 3)
            self.register_buffer("places", torch.arange(3), persistent=False)

    network = empty(Counting)
    assert network.layer.weight.device.type == "meta"
    assert network.places.tolist() == [0, 1, 2]


def test_weights_are_taken_as_they_are_and_not_copied() -> None:
    given = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
    network = filled(lambda: torch.nn.Linear(3, 2), given, torch.float32, lambda name: False, "it")
    assert network.weight.data_ptr() == given["weight"].data_ptr()
    assert network.bias.data_ptr() == given["bias"].data_ptr()


class Tied(torch.nn.Module):
    """Uses one weight twice, and says which layer overflows in half precision."""

    _keep_in_fp32_modules = ("wide",)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False)
        self.wide = torch.nn.Linear(2, 2, bias=False)
        self.tie_weights()

    def tie_weights(self) -> None:
        self.second.weight = self.first.weight


def test_a_weight_that_is_used_twice_lies_in_the_file_once() -> None:
    given = {"first.weight": torch.ones(2, 2), "wide.weight": torch.ones(2, 2, dtype=torch.float16)}
    network = filled(Tied, given, torch.float16, lambda name: False, "it")
    assert network.second.weight is network.first.weight
    assert (network.first.weight.dtype, network.wide.weight.dtype) == (torch.float16, torch.float32)


def test_old_names_of_attention_are_known(tiny_vae: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_vae / WHOLE)
    old = {name: name for name in weights}
    for now, before in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        old = {name: given.replace(f".{now}.", f".{before}.") for name, given in old.items()}
    assert sum("proj_attn" in name for name in old.values()) == 4
    folder = copied(tiny_vae, tmp_path, {WHOLE: {old[name]: x for name, x in weights.items()}})
    same = read_network(folder, vae_class(), torch.float32).state_dict()
    assert all(torch.equal(same[name], x) for name, x in weights.items())


def test_weights_in_several_files(tiny_vae: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_vae / WHOLE)
    stem = WHOLE.removesuffix(".safetensors")
    names = sorted(weights)
    files = {f"{stem}-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
    pieces = {file: {name: weights[name] for name in held} for file, held in files.items()}
    folder = copied(tiny_vae, tmp_path, pieces)
    places = {name: file for file, held in files.items() for name in held}
    index = folder / f"{stem}.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    same = read_network(folder, vae_class(), torch.float32).state_dict()
    assert all(torch.equal(same[name], x) for name, x in weights.items())
    variant = index.rename(folder / f"{stem}.safetensors.index.fp16.json")
    assert [path.name for path in weight_files(folder)] == sorted(files)
    index = variant.rename(index)
    (folder / min(files)).unlink()
    with pytest.raises(ModelError, match=r"model/vae has no diffusion_pytorch_model-00001.*its index names"):
        weight_files(folder)
    index.write_text(json.dumps({"weight_map": {"a": "../vae.safetensors"}}))
    with pytest.raises(ModelError, match="which its index names"):
        weight_files(folder)
    index.write_text("{}")
    with pytest.raises(ModelError, match="has no weight_map"):
        weight_files(folder)


def test_of_variants_the_plain_one_is_taken_and_one_alone_is_taken_too(
    tiny_vae: Path, tmp_path: Path
) -> None:
    weights = {"x": torch.ones(1)}
    folder = copied(tiny_vae, tmp_path, {"model.fp16.safetensors": weights, "model.safetensors": weights})
    assert [path.name for path in weight_files(folder)] == ["model.safetensors"]
    (folder / "model.safetensors").unlink()
    assert [path.name for path in weight_files(folder)] == ["model.fp16.safetensors"]
    (folder / "model.fp16.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model/vae cannot be loaded: it has no \.safetensors file"):
        weight_files(folder)


def test_what_a_folder_has_not_is_an_error_and_not_left_at_random(tiny_vae: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_vae / WHOLE)
    del weights["decoder.conv_in.bias"]
    folder = copied(tiny_vae, tmp_path, {WHOLE: weights})
    with pytest.raises(ModelError, match=r"the vae of model has no decoder\.conv_in\.bias"):
        read_network(folder, vae_class(), torch.float32)


def test_what_a_network_does_not_use_is_told_unless_it_is_known_to_be_spare(
    tiny_vae: Path, tmp_path: Path
) -> None:
    weights = load_file(tiny_vae / WHOLE) | {"decoder.position_ids": torch.zeros(1)}
    read_network(copied(tiny_vae, tmp_path / "spare", {WHOLE: weights}), vae_class(), torch.float32)
    odd = copied(tiny_vae, tmp_path / "odd", {WHOLE: weights | {"decoder.odd": torch.zeros(1)}})
    with pytest.raises(ModelError, match=r"has a decoder\.odd that such a model has not"):
        read_network(odd, vae_class(), torch.float32)


def test_a_file_that_is_overwritten_changes_no_network_in_use(tiny_vae: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_vae / WHOLE)
    folder = copied(tiny_vae, tmp_path, {WHOLE: {name: x.clone() for name, x in weights.items()}})
    network = kept_apart(read_network(folder, vae_class(), torch.float32), torch.device("cpu"))
    with open(folder / WHOLE, "r+b") as file:
        file.write(b"\0" * (folder / WHOLE).stat().st_size)
    assert all(torch.equal(x, weights[name]) for name, x in network.state_dict().items())
