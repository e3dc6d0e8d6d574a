"""The refiner and the checkpoint of the second pass: another model takes over, and only where it should."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.backends.torch.takeover import Takeover
from adapters.models.catalog_disk import BUILTIN_FOLDER
from core.domain.errors import InvalidValue, UnknownModel
from core.domain.request import HiresParams
from core.prepared import RefinerSwitch
from serena import Serena
from tests.unit.adapters.backends.torch.conftest import BACKEND
from tests.unit.adapters.backends.torch.rig import distance, draw, reference

PLAIN: dict[str, Any] = {"width": 32, "height": 32, "steps": 6, "sampler_name": "Euler"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serena]:
    """The built-in model and a copy of it that predicts another quantity, so that it draws something else."""
    data_dir = tmp_path_factory.mktemp("two")
    other = data_dir / "models" / "other"
    shutil.copytree(BUILTIN_FOLDER, other)
    scheduler = other / "scheduler" / "scheduler_config.json"
    config = json.loads(scheduler.read_text())
    scheduler.write_text(json.dumps({**config, "prediction_type": "v_prediction"}))
    with Serena(backend=BACKEND, data_dir=data_dir, models={"default": "serena-demo"}) as serena:
        yield serena


def test_it_takes_over_at_its_share(two: Serena) -> None:
    alone = draw(two, **PLAIN)[0]
    never = draw(two, **PLAIN, refiner_checkpoint="other", refiner_switch_at=1.0)[0]
    late = draw(two, **PLAIN, refiner_checkpoint="other", refiner_switch_at=0.8)[0]
    early = draw(two, **PLAIN, refiner_checkpoint="other", refiner_switch_at=0.2)[0]
    assert distance(alone, never) == 0
    assert distance(alone, late) > 0
    assert distance(early, late) > 0


def test_from_the_first_step_it_is_the_other_model(two: Serena) -> None:
    whole = draw(two, **PLAIN, override_settings={"sd_model_checkpoint": "other"})[0]
    refined = draw(two, **PLAIN, refiner_checkpoint="other", refiner_switch_at=0.0)[0]
    assert distance(whole, refined) <= 1


def test_the_infotext_names_it(two: Serena) -> None:
    answer = two.txt2img("a tree", **PLAIN, seed=1, refiner_checkpoint="other", refiner_switch_at=0.8)
    assert "Refiner: other [" in answer.infotext
    assert "Refiner switch at: 0.8" in answer.infotext


def test_an_unknown_one_is_refused(two: Serena) -> None:
    with pytest.raises(UnknownModel, match="nobody"):
        draw(two, **PLAIN, refiner_checkpoint="nobody")
    with pytest.raises(InvalidValue, match="refiner_switch_at"):
        draw(two, **PLAIN, refiner_checkpoint="other", refiner_switch_at=2.0)


def test_the_second_pass_has_its_own_checkpoint(two: Serena) -> None:
    names = ("Use same checkpoint", "other")
    same, other = (
        draw(two, **PLAIN, hires=HiresParams(checkpoint_name=name), denoising_strength=0.6)[0]
        for name in names
    )
    assert same.shape == other.shape == (64, 64, 3)
    assert distance(same, other) > 0


@pytest.mark.parametrize(("by_steps", "call", "time", "due"), [
    (False, 0, 999.0, False), (False, 9, 201.0, False), (False, 9, 199.0, True),
    (True, 7, 1.0, False), (True, 8, 999.0, True),
])  # fmt: skip
def test_when_it_is_due(by_steps: bool, call: int, time: float, due: bool) -> None:
    switch = RefinerSwitch(model=reference(Path("other")), at=0.8, by_steps=by_steps)
    assert Takeover(switch, 10, lambda: pytest.fail("too early")).is_due(call, time) is due
