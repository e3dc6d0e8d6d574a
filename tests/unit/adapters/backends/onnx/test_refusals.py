"""What exported networks cannot do is refused by name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from adapters.backends.onnx.refusals import check_run
from core.domain.errors import InvalidValue
from core.domain.model import ModelIdentity, ModelRef
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry

CATS = ModelRef(ModelIdentity("cats", "ab" * 32), "cats")
VALUES = OptionRegistry(OPTIONS).values({})
MERGING = VALUES.overlay({"token_merging_ratio_hr": 0.5})
VAE, OTHER_VAE = ModelIdentity("other.safetensors", "cd" * 32), VALUES.overlay({"sd_vae": "other"})
REQUEST = SimpleNamespace(tiling=False, override_settings={})


def run(**changes: Any) -> Any:
    """As much of a run as is looked at."""
    plain = {"refiner": None, "hires": None, "init": None, "request": REQUEST, "options": VALUES, "vae": None}
    return SimpleNamespace(**{**plain, **changes})


def batch(**extras: Any) -> Any:
    return SimpleNamespace(extras=extras)


def test_a_plain_run_passes() -> None:
    check_run(run(hires=SimpleNamespace(model=None)), batch(loras=()))


@pytest.mark.parametrize(
    ("given", "extras", "words"),
    [
        ({"refiner": SimpleNamespace(model=CATS)}, {}, "refiner_checkpoint is 'cats"),
        ({"hires": SimpleNamespace(model=CATS)}, {}, "hr_checkpoint_name is 'cats"),
        ({}, {"hires_loras": (SimpleNamespace(name="ink"),)}, "prompt is '<lora:ink>'"),
        ({"request": SimpleNamespace(tiling=True)}, {}, "tiling is True"),
        ({"options": OTHER_VAE, "vae": VAE}, {}, "sd_vae is 'other'; it stands for other.safetensors"),
        ({"vae": VAE}, {}, "sd_vae is 'Automatic'; it stands for other.safetensors"),
        ({"options": MERGING, "hires": SimpleNamespace(model=None)}, {}, "token_merging_ratio is 0.5"),
    ],
)
def test_the_rest_is_refused(given: dict[str, Any], extras: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        check_run(run(**given), batch(**extras))
