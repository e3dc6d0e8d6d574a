"""Options over the API: all or nothing, and what is shown may be sent back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import InvalidRequest, InvalidValue, UnknownModel, UnknownOption
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry, OptionSpec
from tests.unit.core.workshop import MODEL, OTHER_MODEL, Workshop, through_json

RECORDED = json.loads(Path(__file__).with_name("recorded_options.json").read_text(encoding="utf-8"))
ONLY_OURS = {"distilled_cfg_scale"}
OWN_WORDS = {"sd_model_checkpoint", "sd_checkpoint_hash"}


def _compared(name: str) -> bool:
    return name not in OWN_WORDS and not name.startswith("outdir_") and "explanation" not in name


def test_every_option_of_the_reference_with_its_default() -> None:
    ours = through_json(dict(Workshop().options.get()))
    assert set(ours) == set(RECORDED) | ONLY_OURS
    ours = {name: value for name, value in ours.items() if name in RECORDED}
    differing = {name for name in ours if _compared(name) and ours[name] != RECORDED[name]}
    assert differing <= {"settings_in_ui", "disabled_extensions", "api_enable_requests"}
    assert {name for name in ours if type(ours[name]) is not type(RECORDED[name])} <= OWN_WORDS


def test_what_is_shown_may_be_sent_back_and_changes_nothing() -> None:
    shop = Workshop(changed={"n_rows": 2, "hide_samplers": ["LMS"]}, default_model="other")
    shown = through_json(dict(shop.options.get()))
    assert shown["sd_model_checkpoint"] == OTHER_MODEL.identity.title
    assert shown["sd_checkpoint_hash"] == OTHER_MODEL.identity.sha256
    assert shown["hide_samplers"] == ["LMS"]
    shop.options.set(shown)
    assert through_json(dict(shop.options.get())) == shown
    saved = dict(shop.option_store.load())
    shop.options.set(shown)
    assert dict(shop.option_store.load()) == saved


def test_a_model_that_is_gone_does_not_stop_a_list_that_is_sent_back() -> None:
    shop = Workshop(changed={"sd_model_checkpoint": "gone"})
    shown = dict(shop.options.get())
    assert shown["sd_model_checkpoint"] == "gone"
    shop.options.set({**shown, "n_rows": 3})
    assert shop.options.get()["n_rows"] == 3


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"nobody": 1}, UnknownOption),
        ({"n_rows": "many"}, InvalidValue),
        ({"n_rows": 10**400}, InvalidValue),
        ({"return_grid": "yes"}, InvalidValue),
        ({"return_grid": 2}, InvalidValue),
        ({"samples_format": "gif"}, InvalidValue),
        ({"font": 3}, InvalidValue),
        ({"hide_samplers": "LMS"}, InvalidValue),
        ({"hide_samplers": [1]}, InvalidValue),
        ({"jpeg_quality": 101}, InvalidValue),
        ({"eta_ancestral": float("nan")}, InvalidValue),
        ({"eta_ancestral": True}, InvalidValue),
        ({"upscaler_for_img2img": 4}, InvalidValue),
        ({"sd_model_checkpoint": "nobody"}, UnknownModel),
    ],
)
def test_one_wrong_value_changes_nothing(bad: dict[str, Any], error: type[Exception]) -> None:
    shop = Workshop()
    before = dict(shop.options.get())
    with pytest.raises(error):
        shop.options.set({"n_rows": 5, **bad} if "n_rows" not in bad else {"return_grid": False, **bad})
    assert dict(shop.options.get()) == before
    assert dict(shop.option_store.load()) == {}


def test_only_what_differs_is_kept() -> None:
    shop = Workshop()
    shop.options.set({"n_rows": "4", "return_grid": 0, "eta_noise_seed_delta": 2**60 + 1, "sigma_min": 1})
    assert shop.option_store.load() == {
        "n_rows": 4, "return_grid": False, "eta_noise_seed_delta": 2**60 + 1, "sigma_min": 1.0,
    }  # fmt: skip
    shop.options.set({"n_rows": -1, "return_grid": True})
    assert set(shop.option_store.load()) == {"eta_noise_seed_delta", "sigma_min"}


def test_some_changes_are_passed_over_in_silence() -> None:
    shop = Workshop()
    shop.options.set(
        {"api_useragent": "me", "sd_checkpoint_hash": "x", "n_rows": None, "sd_model_checkpoint": ""}
    )
    assert shop.options.get()["api_useragent"] == ""
    assert shop.options.get()["sd_checkpoint_hash"] == MODEL.identity.sha256
    assert "n_rows" not in shop.option_store.load()


def test_a_model_is_kept_by_its_title() -> None:
    shop = Workshop()
    shop.options.set({"sd_model_checkpoint": OTHER_MODEL.identity.short_hash})
    assert shop.options.get()["sd_model_checkpoint"] == OTHER_MODEL.identity.title


def test_unknown_names_in_the_store_are_left() -> None:
    assert Workshop(changed={"of_an_old_version": 1}).options.get()["n_rows"] == -1
    assert dict(Workshop(models=()).options.get())["sd_model_checkpoint"] is None


def test_a_view_of_options_stays_as_it_was() -> None:
    shop = Workshop()
    view = shop.options.values()
    shop.options.set({"n_rows": 2})
    assert (view.number("n_rows"), view.flag("return_grid"), view.text("font")) == (-1.0, True, "")
    assert len(view) == len(list(view)) == len(OPTIONS) == len(shop.options.specs())
    assert view.overlay({"n_rows": 7})["n_rows"] == 7
    assert view["n_rows"] == -1
    with pytest.raises(UnknownOption):
        view["nobody"]


def test_an_option_is_registered_once() -> None:
    registry = OptionRegistry((OptionSpec("a", 1),))
    assert "a" in registry
    with pytest.raises(ValueError, match="registered twice"):
        registry.add(OptionSpec("a", 2))


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(st.sampled_from(OPTIONS), JSON)
def test_what_is_accepted_is_accepted_again_and_is_json(spec: OptionSpec, value: Any) -> None:
    try:
        accepted = spec.accept(value)
    except InvalidRequest:
        return
    assert spec.accept(json.loads(json.dumps(accepted, allow_nan=False))) == accepted
