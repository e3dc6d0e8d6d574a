"""Which checkpoints stay in memory, and what happens when it runs out."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adapters.backends.torch.checkpoints import Checkpoints, Wanted
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.residents import Residents
from core.domain.errors import BackendError, ModelError
from core.domain.model import ModelIdentity, ModelRef
from tests.unit.adapters.backends.torch.rig import CPU

Load = Callable[[ModelRef, torch.device, torch.dtype], LoadedModel]
A, B, C = (ModelIdentity(name, name * 64) for name in "abc")


@pytest.fixture
def refs(stub: Path, tmp_path: Path) -> list[ModelRef]:
    found = [shutil.copytree(stub, tmp_path / name) for name in "abc"]
    return [ModelRef(identity, str(folder)) for identity, folder in zip((A, B, C), found, strict=True)]


def checkpoints(budget: int | None = None, load: Load = load_model) -> Checkpoints:
    return Checkpoints(CPU, torch.float32, budget=budget, load=load)


@pytest.mark.parametrize(
    ("budget", "limit", "kept"),
    [(None, 1, "c"), (None, 2, "ac"), (None, 3, "abc"), (25, 1, "ac"), (5, 1, "c")],
)
def test_the_least_recently_used_goes_first(budget: int | None, limit: int, kept: str) -> None:
    residents: Residents[str] = Residents(budget)
    residents.put(A, "a", 10, (), limit)
    residents.put(B, "b", 10, (), limit)
    residents.get(A)
    residents.put(C, "c", 10, (), limit)
    assert sorted(residents.all()) == list(kept)


def test_what_a_run_needs_stays() -> None:
    residents: Residents[str] = Residents()
    residents.put(A, "a", 10, (), 1)
    residents.put(B, "b", 10, {A}, 1)
    assert residents.all() == ["a", "b"]
    residents.drop({A})
    assert residents.all() == ["a"]


def test_a_model_that_is_kept_is_not_loaded_again(refs: list[ModelRef]) -> None:
    one = checkpoints()
    first = one.get(refs[0])
    assert one.get(refs[0]) is first
    both = Wanted(limit=2)
    one.get(refs[1], both)
    assert one.get(refs[0], both) is first
    one.get(refs[2])
    assert one.get(refs[0]) is not first


def test_what_was_let_go_is_freed(refs: list[ModelRef]) -> None:
    one = checkpoints()
    unet = weakref.ref(one.get(refs[0]).model.unet)
    one.get(refs[1])
    other = weakref.ref(one.get(refs[1]).model.unet)
    one.clear()
    gc.collect()
    assert unet() is None
    assert other() is None


def test_a_broken_one_leaves_what_is_loaded(refs: list[ModelRef]) -> None:
    one = checkpoints()
    first = one.get(refs[0])
    shutil.rmtree(Path(refs[1].location) / "unet")
    with pytest.raises(ModelError):
        one.get(refs[1])
    assert one.get(refs[0]) is first


def tight(allowed: int, *, times: int = 9) -> Load:
    """Loads, but runs out of memory at the first ``times`` calls beyond ``allowed``."""
    calls = []

    def load(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> LoadedModel:
        calls.append(ref)
        if allowed < len(calls) <= allowed + times:
            raise torch.OutOfMemoryError
        return load_model(ref, device, dtype)

    return load


def test_out_of_memory_lets_the_others_go_and_tries_again(refs: list[ModelRef]) -> None:
    one = checkpoints(load=tight(1, times=1))
    first = one.get(refs[0])
    assert one.get(refs[1], Wanted(limit=2)).model.ref == refs[1]
    assert one.get(refs[0]) is not first


def test_out_of_memory_twice_is_told(refs: list[ModelRef]) -> None:
    one = checkpoints(load=tight(1))
    first = one.get(refs[0])
    with pytest.raises(BackendError, match=r"out of memory while loading b \[bbbbbbbbbb\]"):
        one.get(refs[1], Wanted(needed={A}))
    assert one.get(refs[0]) is first


def test_the_weights_are_counted(refs: list[ModelRef]) -> None:
    one = checkpoints(budget=1)
    model = one.get(refs[0]).model
    files = sum(path.stat().st_size for path in Path(refs[0].location).rglob("*.safetensors"))
    assert model.weight_bytes == pytest.approx(files, rel=0.1)
