from __future__ import annotations

from typing import Any

import pytest

from adapters.http.errors import NotAlwaysOnError
from adapters.http.scripting import check_selected, effective
from core.domain.errors import InvalidValue, UnknownScript
from core.domain.resources import ScriptInfo

SCRIPTS = (
    ScriptInfo(name="prompt matrix", always_on=False, img2img=False),
    ScriptInfo(name="hypertile", always_on=True, img2img=False),
)


@pytest.mark.parametrize("name", [None, "", "prompt matrix", "Prompt Matrix"])
def test_a_script_that_is_there_may_be_selected(name: str | None) -> None:
    check_selected(name, SCRIPTS)


@pytest.mark.parametrize("name", ["nope", "hypertile", "../x"])
def test_another_may_not(name: str) -> None:
    with pytest.raises(UnknownScript, match=f"Script '{name}' not found"):
        check_selected(name, SCRIPTS)


@pytest.mark.parametrize(
    "args",
    [[], [False], [False, {"ad_model": "face_yolov8n.pt"}], [{"enabled": False}, {"ad_model": "None"}]],
)
@pytest.mark.parametrize("name", ["ControlNet", "ADetailer"])
def test_an_absent_extension_that_is_switched_off_is_passed_over(name: str, args: list[Any]) -> None:
    assert effective({name: {"args": args}}, SCRIPTS) == {}


@pytest.mark.parametrize(
    "value", [{"args": [{"enabled": True}]}, {"args": [True]}, {"args": [{"image": "x"}]}, {"args": 7}, 5]
)
def test_an_absent_extension_that_is_switched_on_is_refused(value: Any) -> None:
    with pytest.raises(UnknownScript, match="Script 'controlnet' not found"):
        effective({"controlnet": value}, SCRIPTS)


def test_an_unknown_one_is_refused_even_without_arguments() -> None:
    with pytest.raises(UnknownScript):
        effective({"nope": {"args": []}}, SCRIPTS)


def test_a_selectable_one_is_not_always_on() -> None:
    with pytest.raises(NotAlwaysOnError):
        effective({"Prompt matrix": {"args": []}}, SCRIPTS)


def test_one_that_is_there_passes_with_its_arguments() -> None:
    wanted = {"Hypertile": {"args": [1]}, "seed": {}}
    assert effective(wanted, SCRIPTS) == {"Hypertile": {"args": [1]}}


@pytest.mark.parametrize("value", [5, {"args": 7}])
def test_one_that_is_there_must_be_called_rightly(value: Any) -> None:
    with pytest.raises(InvalidValue, match="alwayson_scripts"):
        effective({"seed": value}, SCRIPTS)
