"""LoRA files of every layout change a checkpoint as diffusers' own loader does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from adapters.backends.torch.lora.applying import LoraUse, with_loras
from adapters.backends.torch.lora.deltas import change
from adapters.backends.torch.lora.names import LayerNames
from adapters.backends.torch.model import LoadedModel, load_model
from core.domain.errors import InvalidValue, ModelError
from core.domain.request import HiresParams
from serena import Serena
from tests.unit.adapters.backends.torch.rig import CPU, distance, draw, reference

RANK = 4
Layout = Callable[[str, str, Tensor, Tensor], dict[str, Tensor]]


def kohya(part: str, path: str, down: Tensor, up: Tensor) -> dict[str, Tensor]:
    prefix = "lora_unet_" if part == "unet" else "lora_te_text_model_"
    name = prefix + path.removeprefix("text_model.").replace(".", "_")
    return {
        f"{name}.lora_down.weight": down,
        f"{name}.lora_up.weight": up,
        f"{name}.alpha": torch.tensor(float(RANK)),
    }


def peft_layout(part: str, path: str, down: Tensor, up: Tensor) -> dict[str, Tensor]:
    return {f"{part}.{path}.lora_A.weight": down, f"{part}.{path}.lora_B.weight": up}


def attention_layers(network: nn.Module) -> list[str]:
    wanted = ("to_q", "to_k", "to_v", "to_out.0", "q_proj", "v_proj", "out_proj")
    return [name for name, _ in network.named_modules() if name.endswith(wanted)]


def write_lora(path: Path, model: LoadedModel, layout: Layout, seed: int = 0) -> Path:
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for part in ("unet", "text_encoder"):
        network = getattr(model, part)
        for name in attention_layers(network):
            out, into = network.get_submodule(name).weight.shape[:2]
            down = torch.randn(RANK, into, generator=generator) * 0.2
            up = torch.randn(out, RANK, generator=generator) * 0.2
            tensors |= layout(part, name, down, up)
    save_file(tensors, path)
    return path


def evaluated(model: LoadedModel, unet: Any = None, text_encoder: Any = None) -> tuple[Tensor, Tensor]:
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    ids = torch.arange(77)[None] % 50
    with torch.inference_mode():
        text = (text_encoder or model.text_encoder)(ids).last_hidden_state
        return (unet or model.unet)(x, 500.0, encoder_hidden_states=text, return_dict=False)[0], text


@pytest.mark.parametrize("layout", [kohya, peft_layout])
def test_it_changes_a_model_as_diffusers_does(
    layout: Layout, stub: Path, stub_model: LoadedModel, tmp_path: Path
) -> None:
    from diffusers import StableDiffusionPipeline

    file = write_lora(tmp_path / "small.safetensors", stub_model, layout)
    pipeline = StableDiffusionPipeline.from_pretrained(
        stub, safety_checker=None, requires_safety_checker=False, local_files_only=True
    )
    pipeline.load_lora_weights(str(tmp_path), weight_name=file.name, local_files_only=True)
    pipeline.fuse_lora(lora_scale=0.7)
    theirs = evaluated(stub_model, pipeline.unet, pipeline.text_encoder)
    ours = evaluated(with_loras(stub_model, [LoraUse(file, 0.7, 0.7)]))
    plain = evaluated(stub_model)
    for mine, other, before in zip(ours, theirs, plain, strict=True):
        assert (mine - other).abs().max() <= 1e-4
        assert (mine - before).abs().max() > 1e-2


def test_both_layouts_of_one_lora_are_the_same(stub_model: LoadedModel, tmp_path: Path) -> None:
    files = [
        write_lora(tmp_path / f"{layout.__name__}.safetensors", stub_model, layout)
        for layout in (kohya, peft_layout)
    ]
    first, second = (evaluated(with_loras(stub_model, [LoraUse(file)])) for file in files)
    assert torch.equal(first[0], second[0])


def test_several_add_up_and_the_plain_model_stays(stub_model: LoadedModel, tmp_path: Path) -> None:
    plain = evaluated(stub_model)[0]
    files = [write_lora(tmp_path / f"{i}.safetensors", stub_model, kohya, seed=i) for i in range(2)]
    uses = [LoraUse(files[0], 0.5, 0.5), LoraUse(files[1], 1.0, 0.0)]
    both = with_loras(stub_model, uses)
    turned = with_loras(stub_model, uses[::-1])
    assert torch.allclose(evaluated(both)[0], evaluated(turned)[0], atol=1e-5)
    assert torch.equal(evaluated(stub_model)[0], plain)


def test_what_is_not_changed_is_shared(stub_model: LoadedModel, tmp_path: Path) -> None:
    file = write_lora(tmp_path / "small.safetensors", stub_model, kohya)
    changed = with_loras(stub_model, [LoraUse(file, 1.0, 0.0)])
    assert changed.text_encoder is stub_model.text_encoder
    assert changed.unet.conv_in.weight is stub_model.unet.conv_in.weight
    assert changed.unet.conv_out is not stub_model.unet.conv_out


def test_a_lora_of_another_family_is_refused(stub_model: LoadedModel, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(ModelError, match=r"other\.safetensors has no layer of this model"):
        with_loras(stub_model, [LoraUse(file)])


def test_a_lora_of_another_size_is_refused(stub_model: LoadedModel, tmp_path: Path) -> None:
    file, path = tmp_path / "wide.safetensors", attention_layers(stub_model.unet)[0]
    save_file(kohya("unet", path, torch.zeros(2, 5), torch.zeros(7, 2)), file)
    with pytest.raises(ModelError, match=rf"the LoRA wide .* at {path}, it does not fit a layer of"):
        with_loras(stub_model, [LoraUse(file)])


def test_a_broken_file_is_refused(stub_model: LoadedModel, tmp_path: Path) -> None:
    file = tmp_path / "broken.safetensors"
    file.write_bytes(b"\x80\x02not weights")
    with pytest.raises(ModelError, match=r"broken\.safetensors cannot be read"):
        with_loras(stub_model, [LoraUse(file)])


class TestKinds:
    """Factors multiplied out."""

    weight = torch.arange(24.0).reshape(4, 6)

    def test_alpha_is_a_share_of_the_rank(self) -> None:
        down, up = torch.ones(2, 6), torch.ones(4, 2)
        factors = {"lora_down.weight": down, "lora_up.weight": up}
        assert torch.equal(change(factors, self.weight, 1.0), torch.full((4, 6), 2.0))
        assert torch.equal(
            change({**factors, "alpha": torch.tensor(1.0)}, self.weight, 0.5), torch.full((4, 6), 0.5)
        )

    def test_convolutions(self) -> None:
        weight = torch.zeros(4, 6, 3, 3)
        down, up = torch.randn(2, 6, 3, 3), torch.randn(4, 2, 1, 1)
        expected = torch.einsum("or,rikl->oikl", up[:, :, 0, 0], down)
        found = change({"lora_down.weight": down, "lora_up.weight": up}, weight, 1.0)
        assert torch.allclose(found, expected, atol=1e-5)

    def test_convolutions_in_three_factors(self) -> None:
        weight = torch.zeros(4, 6, 3, 3)
        down, mid, up = torch.randn(2, 6, 1, 1), torch.randn(2, 2, 3, 3), torch.randn(4, 2, 1, 1)
        expected = torch.einsum("op,pqkl,qi->oikl", up[:, :, 0, 0], mid, down[:, :, 0, 0])
        factors = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up}
        assert torch.allclose(change(factors, weight, 1.0), expected, atol=1e-5)

    def test_hadamard(self) -> None:
        parts = [torch.randn(*size) for size in ((4, 2), (2, 6), (4, 2), (2, 6))]
        names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
        expected = (parts[0] @ parts[1]) * (parts[2] @ parts[3]) * 0.5
        factors = {**dict(zip(names, parts, strict=True)), "alpha": torch.tensor(1.0)}
        assert torch.allclose(change(factors, self.weight, 1.0), expected)

    @pytest.mark.parametrize("decomposed", [False, True])
    def test_kronecker(self, decomposed: bool) -> None:
        first, left, right = torch.randn(2, 3), torch.randn(2, 1), torch.randn(1, 2)
        second = {"lokr_w2_a": left, "lokr_w2_b": right} if decomposed else {"lokr_w2": left @ right}
        found = change({"lokr_w1": first, **second, "alpha": torch.tensor(1.0)}, self.weight, 1.0)
        assert torch.allclose(found, torch.kron(first, left @ right))

    def test_the_whole_difference(self) -> None:
        assert torch.equal(change({"diff": self.weight}, self.weight, 2.0), self.weight * 2)

    def test_dora_sets_the_length_of_each_output(self) -> None:
        factors = {
            "lora_down.weight": torch.randn(2, 6),
            "lora_up.weight": torch.randn(4, 2),
            "dora_scale": torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None],
        }
        changed = self.weight + change(factors, self.weight, 1.0)
        assert torch.allclose(changed.norm(dim=1), torch.tensor([1.0, 2.0, 3.0, 4.0]))

    def test_an_unknown_kind_is_named(self) -> None:
        with pytest.raises(ModelError, match="oft_blocks"):
            change({"oft_blocks": torch.zeros(1)}, self.weight, 1.0)


ORIGINAL = {
    "input_blocks_1_1_proj_in": "down_blocks.0.attentions.0.proj_in",
    "input_blocks_4_0_in_layers_2": "down_blocks.1.resnets.0.conv1",
    "input_blocks_3_0_op": "down_blocks.0.downsamplers.0.conv",
    "middle_block_1_proj_in": "mid_block.attentions.0.proj_in",
    "middle_block_2_out_layers_3": "mid_block.resnets.1.conv2",
    "output_blocks_5_1_proj_out": "up_blocks.1.attentions.2.proj_out",
    "output_blocks_2_1_conv": "up_blocks.0.upsamplers.0.conv",
    "output_blocks_8_0_skip_connection": "up_blocks.2.resnets.2.conv_shortcut",
    "time_embed_0": "time_embedding.linear_1",
}


@pytest.mark.parametrize(("theirs", "ours"), ORIGINAL.items())
def test_the_originals_block_names(theirs: str, ours: str) -> None:
    assert LayerNames({"unet": [ours]}).find(f"lora_unet_{theirs}") == ("unet", ours)


@pytest.fixture(scope="module")
def drawing(stub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serena]:
    """Draws with the stub; ``<lora:strong:…>`` and ``<lora:foreign:…>`` are known."""
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(stub, data / "models" / "Stable-diffusion" / "stub")
    loras = data / "models" / "Lora"
    loras.mkdir()
    write_lora(loras / "strong.safetensors", load_model(reference(stub), CPU, torch.float32), kohya)
    save_file(
        {"lora_unet_double_blocks_0.lora_down.weight": torch.zeros(2, 2)}, loras / "foreign.safetensors"
    )
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    with Serena(backend=backend, data_dir=data, models={"builtin": False}) as serena:
        yield serena


def test_a_tag_changes_the_picture_by_its_strength(drawing: Serena) -> None:
    plain, none, weak, strong = (
        draw(drawing, f"a circle{tag}", steps=2)[0]
        for tag in ("", "<lora:strong:0>", "<lora:strong:0.3>", "<lora:strong:1>")
    )
    assert distance(plain, none) <= 1
    assert distance(plain, weak) > 1
    assert distance(weak, strong) > 1


def test_runs_with_and_without_do_not_disturb_each_other(drawing: Serena) -> None:
    prompts = ["a circle", "a circle<lora:strong:1>", "a star<lora:strong:1>", "a star<lora:strong:0.5:0>"]
    alone = [draw(drawing, prompt, steps=3)[0] for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: draw(drawing, prompt, steps=3)[0], prompts))
    assert max(distance(*pair) for pair in zip(together, alone, strict=True)) <= 1


def test_the_second_pass_may_have_its_own(drawing: Serena) -> None:
    hires = {"scale": 2, "second_pass_steps": 2, "upscaler": "Latent"}
    first, second = (
        draw(
            drawing, "a circle", steps=2, denoising_strength=0.7,
            hires=HiresParams(**hires, prompt=f"a circle{tag}"),
        )[0]
        for tag in ("", "<lora:strong:1>")
    )  # fmt: skip
    assert distance(first, second) > 1


def test_a_lora_of_another_family_is_told_to_the_caller(drawing: Serena) -> None:
    with pytest.raises(InvalidValue, match=r"<lora:foreign>.* another family of models"):
        draw(drawing, "a circle<lora:foreign:1>")
    assert draw(drawing, "a circle", steps=1)
