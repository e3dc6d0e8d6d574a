from __future__ import annotations

from typing import Any

import pytest

from adapters.http.errors import NotAlwaysOnError
from adapters.http.scripting import effective, selected
from core.domain.errors import InvalidValue, UnknownScript
from core.domain.resources import ScriptArg, ScriptInfo

ARGS = (ScriptArg(name="on", value=False), ScriptArg(name="size", value=8))
SCRIPTS = (
    ScriptInfo(name="prompt matrix", always_on=False, img2img=False, args=ARGS),
    ScriptInfo(name="hypertile", always_on=True, img2img=False, args=ARGS),
)


@pytest.mark.parametrize("name", ["prompt matrix", "Prompt Matrix"])
@pytest.mark.parametrize(
    ("args", "expected"),
    [([], (False, 8)), ([True], (True, 8)), ({"size": 4}, (False, 4)), ({}, (False, 8))],
)
def test_a_script_that_is_there_may_be_selected(name: str, args: Any, expected: tuple[Any, ...]) -> None:
    assert selected(name, args, SCRIPTS) == expected


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_script_arguments_mean_nothing(name: str | None) -> None:
    assert selected(name, [1, 2, 3], SCRIPTS) == ()


@pytest.mark.parametrize("args", [[1, 2, 3], ["x"], {"nope": 1}])
def test_arguments_that_do_not_fit_are_refused(args: Any) -> None:
    with pytest.raises(InvalidValue, match="prompt matrix"):
        selected("prompt matrix", args, SCRIPTS)


@pytest.mark.parametrize("name", ["nope", "hypertile", "../x"])
def test_another_may_not(name: str) -> None:
    with pytest.raises(UnknownScript, match=f"Script '{name}' not found"):
        selected(name, [], SCRIPTS)


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
    assert effective(wanted, SCRIPTS) == {"Hypertile": {"args": [True, 8]}}
    assert effective({"hypertile": {"args": {"size": 2}}}, SCRIPTS) == {"hypertile": {"args": [False, 2]}}
    assert effective({"hypertile": {}}, SCRIPTS) == {"hypertile": {"args": [False, 8]}}


@pytest.mark.parametrize("value", [5, {"args": 7}])
def test_one_that_is_there_must_be_called_rightly(value: Any) -> None:
    with pytest.raises(InvalidValue, match="alwayson_scripts"):
        effective({"seed": value}, SCRIPTS)
