"""Other layouts of the same weights draw the same: channels innermost, and fused projections, LoRAs too."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.lora.applying import LoraUse, with_loras
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.network import unet_network
from adapters.backends.torch.preparing import prepared
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.speed.fp8 import quantise
from adapters.backends.torch.speed.fusing import fuse, is_fused
from adapters.backends.torch.speed.passes import Passes
from adapters.backends.torch.speed.plan import SpeedPlan
from core.domain.errors import ModelError
from core.domain.flow_families import FLUX
from tests.unit.adapters.backends.torch.against_flow import asking
from tests.unit.adapters.backends.torch.lora.test_lora import kohya, write_lora

SAME = 1e-4


@pytest.fixture
def own(stub_model: LoadedModel) -> LoadedModel:
    """A model that may be changed."""
    return replace(stub_model, unet=copy.deepcopy(stub_model.unet), vae=copy.deepcopy(stub_model.vae))


def answer(model: LoadedModel) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 4, 8, 8, generator=generator)
    context = torch.randn(2, 77, model.unet.config.cross_attention_dim, generator=generator)
    with torch.inference_mode():
        given: Tensor = model.unet(x, torch.tensor([500.0, 20.0]), encoder_hidden_states=context).sample
    return given


def far(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


@pytest.mark.parametrize(
    "plan", [SpeedPlan(channels_last=True), SpeedPlan(fused=True), SpeedPlan(channels_last=True, fused=True)]
)
def test_another_layout_gives_the_same_answer(own: LoadedModel, plan: SpeedPlan) -> None:
    plain = answer(own)
    assert far(answer(prepared(own, plan, Passes())), plain) <= SAME


def test_channels_lie_innermost(own: LoadedModel) -> None:
    made = prepared(own, SpeedPlan(channels_last=True), Passes())
    for network in (made.unet, made.vae):
        [kernel, *_] = [x for x in network.parameters() if x.dim() == 4 and x.shape[2] > 1]
        assert kernel.is_contiguous(memory_format=torch.channels_last)


def test_attention_is_torchs_own(stub_model: LoadedModel) -> None:
    kinds = {type(one).__name__ for one in stub_model.unet.attn_processors.values()}
    assert kinds == {"AttnProcessor2_0"}


def test_a_lora_is_heard_by_fused_projections(own: LoadedModel, tmp_path: Path) -> None:
    use = LoraUse(write_lora(tmp_path / "small.safetensors", own, kohya))
    plain, expected = answer(own), answer(with_loras(own, [use]))
    fused = prepared(own, SpeedPlan(fused=True), Passes())
    dressed = with_loras(fused, [use])
    assert is_fused(dressed.unet)
    assert far(answer(dressed), expected) <= SAME
    assert far(answer(fused), plain) <= SAME
    assert far(expected, plain) > 100 * SAME


def test_fusing_leaves_a_copy_of_the_same_weights_alone(stub_model: LoadedModel) -> None:
    other = sharing_copy(stub_model.unet)
    fuse(other)
    assert is_fused(other)
    assert not is_fused(stub_model.unet)


def test_fp8_takes_the_products_of_the_transformer_blocks(own: LoadedModel) -> None:
    taken: list[str] = []

    def collect(unet: nn.Module, *, filter_fn: object) -> None:
        assert callable(filter_fn)
        taken.extend(name for name, layer in unet.named_modules() if filter_fn(layer, name))

    quantise(own.unet, collect)
    layers = dict(own.unet.named_modules())
    assert taken
    assert all("transformer_blocks." in name and isinstance(layers[name], nn.Linear) for name in taken)


def test_no_lora_is_laid_over_fp8(own: LoadedModel, tmp_path: Path) -> None:
    use = LoraUse(write_lora(tmp_path / "small.safetensors", own, kohya))
    with pytest.raises(ModelError, match=r"set backend\.fp8 to false"):
        with_loras(replace(own, fp8=True), [use])


def test_the_lanes_take_as_many_as_they_are_told(own: LoadedModel) -> None:
    made = prepared(own, SpeedPlan(decode_rows=3, encode_rows=5), Passes())
    assert (made.lane._rows, made.text_lane._rows) == (3, 5)
    assert [prepared(own, SpeedPlan(), Passes()).text_lane.shares, made.text_lane.shares] == [False, True]


def test_a_model_knows_how_copies_for_it_go(own: LoadedModel) -> None:
    plans = SpeedPlan(), SpeedPlan(pinned=True)
    assert [prepared(own, plan, Passes()).pinned for plan in plans] == [False, True]


def test_pictures_are_marked_where_fp8_acts(own: LoadedModel) -> None:
    def marks(model: LoadedModel) -> dict[str, str]:
        found: dict[str, str] = {}
        with asking() as member:
            unet_network(model, member, marks=found)
        return found

    transformer = prepared(
        replace(own, family=FAMILIES[FLUX]), SpeedPlan(fp8=True, step_cache=2), Passes(step_cache=2)
    )
    assert [marks(own), marks(replace(own, fp8=True)), marks(transformer)] == [
        {},
        {"FP8 weight": "Enable"},
        {},
    ]
    assert transformer.passes.step_cache == 1
