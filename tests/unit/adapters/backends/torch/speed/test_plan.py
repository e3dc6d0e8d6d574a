"""What the settings ask for, and what is said where it cannot be had."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from adapters.backends.torch.backend import TorchBackend
from adapters.backends.torch.devices import choose_dtype
from adapters.backends.torch.speed.plan import SpeedPlan
from adapters.settings import BackendSettings
from core.domain.errors import SettingsError
from serena import Serena


def test_nothing_is_on_unless_it_is_asked_for() -> None:
    assert SpeedPlan.of(BackendSettings()) == SpeedPlan()


def test_copies_and_the_way_ahead_are_as_they_are_set() -> None:
    plan = SpeedPlan.of(BackendSettings(pinned_copies=True, passes_ahead=2))
    assert plan == SpeedPlan(pinned=True, ahead=2)


def test_fp8_needs_a_cuda_device() -> None:
    settings = BackendSettings(device="cpu")
    with pytest.raises(SettingsError, match=r"backend.fp8 is true, which needs a CUDA device; this is cpu"):
        TorchBackend(settings, plan=SpeedPlan(fp8=True))


if find_spec("torchao") is None:

    def test_fp8_needs_torchao(tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="torchao is not installed: pip install torchao"):
            Serena(backend={"name": "torch", "fp8": True}, data_dir=tmp_path).start()


@pytest.mark.parametrize("name", ["auto", "bfloat16"])
def test_fp8_is_made_of_bfloat16(name: str) -> None:
    assert choose_dtype(name, torch.device("cuda"), fp8=True) == torch.bfloat16


def test_fp8_is_made_of_nothing_else() -> None:
    with pytest.raises(SettingsError, match=r"needs backend\.dtype auto or bfloat16; it is float16"):
        choose_dtype("float16", torch.device("cuda"), fp8=True)
