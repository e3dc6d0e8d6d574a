"""Checkpoints that stay on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.warm import WarmLoads
from core.domain.model import ModelIdentity, ModelRef
from core.sampling.scalings import PredictionType
from tests.unit.adapters.backends.torch.rig import CPU, SD1

META = torch.device("meta")


def ref(name: str) -> ModelRef:
    return ModelRef(ModelIdentity(name, name * 64), name)


def network() -> torch.nn.Module:
    """With weights and buffers, and places for some that are not there."""
    norms = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3, track_running_stats=False)
    return torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False), *norms).requires_grad_(False)


def small_model(**changes: Any) -> LoadedModel:
    return LoadedModel(
        ref("none"), None, network(), network(), network(), SD1, PredictionType.EPSILON, CPU, torch.float32,
        **changes,
    )  # fmt: skip


class Host:
    """Reads a small model under any name, and pins by copying."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.read: list[str] = []
        self.pinned = 0

    def load(self, ref: ModelRef, device: torch.device, dtype: torch.dtype) -> LoadedModel:
        assert device == CPU
        self.read.append(ref.identity.name)
        return replace(self.model, ref=ref)

    def pin(self, x: Tensor) -> Tensor:
        self.pinned += x.numel() * x.element_size()
        return x.clone()


@pytest.fixture
def host() -> Host:
    return Host(small_model())


def warm(host: Host, models: float) -> WarmLoads:
    return WarmLoads(int(host.model.weight_bytes * models), host.load, host.pin)


def test_it_comes_back_without_its_file_until_others_need_the_room(
    host: Host, demo_model: LoadedModel
) -> None:
    loads = warm(host, 2.5)
    for name in ("a", "b", "a", "c", "a", "b"):
        loads(ref(name), CPU, torch.float32)
    assert host.read == ["a", "b", "c", "b"]


def test_one_that_is_too_large_is_read_each_time(host: Host) -> None:
    loads = warm(host, 0.5)
    for _ in range(2):
        assert loads(ref("a"), META, torch.float32).unet[0].weight.device == META
    assert host.read == ["a", "a"]
    assert host.pinned == 0


def test_each_load_has_networks_of_its_own_on_the_device(host: Host) -> None:
    loads = warm(host, 1)
    model = loads(ref("a"), META, torch.float32)
    for network in (model.unet, model.vae, model.text_encoder):
        tensors = (*network.parameters(), *network.buffers())
        assert {x.device for x in tensors} == {META}
        assert not any(x.requires_grad for x in tensors)
    assert (model.device, model.text_encoder_2, model.sigmas) == (META, None, SD1)
    again = loads(ref("a"), CPU, torch.float32)
    assert again.unet is not model.unet
    before, after = host.model.unet.state_dict(), again.unet.state_dict()
    assert all(torch.equal(after[name], x) for name, x in before.items())
    assert host.pinned >= host.model.weight_bytes


def test_a_weight_that_is_used_twice_stays_one() -> None:
    tied = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    host = Host(small_model(long=("words", tied)))
    model = warm(host, 2)(ref("a"), CPU, torch.float32)
    assert model.long is not None
    words, long = model.long
    assert words == "words"
    assert long[0].weight is long[1].weight
    assert long[0].weight is not tied[0].weight


def test_a_host_without_such_memory_is_no_reason_to_fail(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(x: Tensor) -> Tensor:
        raise RuntimeError("out of\nmemory")

    loads = WarmLoads(1 << 30, host.load, refuse)
    assert loads(ref("a"), CPU, torch.float32).ref == ref("a")
    assert "a does not stay on the host: out of memory" in caplog.text
