"""Names: the lists as the API shows them, and which sampler and schedule a request means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.domain.errors import UnknownSampler, UnknownScheduler
from core.sampling.registry import SAMPLERS, ResolvedSampling, find_sampler, resolve, resolve_hires
from core.sampling.schedules import AUTOMATIC

ROOT = Path(__file__).parents[4]


def names(found: ResolvedSampling) -> tuple[str, str, str]:
    return found.sampler.name, found.scheduler.label, found.schedule_type


def test_the_list_is_the_references() -> None:
    file = ROOT / "contracts" / "api" / "recorded" / "samplers.json"
    rows = [{"name": s.name, "aliases": list(s.aliases), "options": s.options} for s in SAMPLERS]
    assert rows == json.loads(file.read_text())


@pytest.mark.parametrize(
    ("sampler", "scheduler", "expected"),
    [
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Karras", "Karras")),
        ("DPM++ 2M", None, ("DPM++ 2M", "Automatic", "Karras")),
        ("DPM++ 2M", "Automatic", ("DPM++ 2M", "Automatic", "Karras")),
        ("DPM++ 2M SDE", "", ("DPM++ 2M SDE", "Automatic", "Exponential")),
        ("Euler a Karras", None, ("Euler a", "Karras", "Karras")),
        ("Euler", "karras", ("Euler", "Karras", "Karras")),
        ("Euler", "KARRAS", ("Euler", "Karras", "Karras")),
        ("DPM++ 2M Karras", "Exponential", ("DPM++ 2M", "Exponential", "Exponential")),
        ("DPM++ 2M Karras", "automatic", ("DPM++ 2M", "Automatic", "Karras")),
        ("Euler SGMUniform", None, ("Euler", "SGM Uniform", "SGM Uniform")),
        ("euler sgm uniform", " ", ("Euler", "SGM Uniform", "SGM Uniform")),
        ("Euler DDIM", None, ("Euler", "DDIM", "DDIM")),
        ("k_euler", None, ("Euler", "Automatic", "Automatic")),
        ("K_EULER_A karras", None, ("Euler a", "Karras", "Karras")),
        ("euler a", None, ("Euler a", "Automatic", "Automatic")),
        ("DDIM", None, ("DDIM", "Automatic", "Automatic")),
        ("DDIM", "Karras", ("DDIM", "Karras", "Karras")),
        ("ddim cfg++", None, ("DDIM CFG++", "Automatic", "Automatic")),
        ("DPM adaptive", "Uniform", ("DPM adaptive", "Uniform", "Uniform")),
        (None, None, ("Euler", "Automatic", "Automatic")),
        ("", "Karras", ("Euler", "Karras", "Karras")),
    ],
)
def test_resolution(sampler: str | None, scheduler: str | None, expected: tuple[str, str, str]) -> None:
    assert names(resolve(sampler, scheduler)) == expected


@pytest.mark.parametrize("name", ["Foo", "Foo Karras", "Karras", "Euler  b", "DPM++ 2M Foo"])
def test_unknown_samplers(name: str) -> None:
    with pytest.raises(UnknownSampler, match="Sampler not found"):
        resolve(name)


def test_unknown_schedules() -> None:
    with pytest.raises(UnknownScheduler, match="Scheduler not found"):
        resolve("Euler", "Foo")


@pytest.mark.parametrize("info", SAMPLERS, ids=lambda info: info.name)
def test_every_name_finds_its_sampler(info) -> None:  # type: ignore[no-untyped-def]
    for name in (info.name, *info.aliases):
        assert find_sampler(name.upper()) is info


@pytest.mark.parametrize(
    ("sampler", "scheduler", "expected"),
    [
        (None, None, ("Euler a", "Karras", "Karras")),
        ("Use same sampler", "Use same scheduler", ("Euler a", "Karras", "Karras")),
        ("DPM++ 2M", None, ("DPM++ 2M", "Karras", "Karras")),
        ("DPM++ 2M Exponential", None, ("DPM++ 2M", "Exponential", "Exponential")),
        ("", "Beta", ("Euler a", "Beta", "Beta")),
    ],
)
def test_the_second_pass(sampler: str | None, scheduler: str | None, expected: tuple[str, str, str]) -> None:
    assert names(resolve_hires(resolve("Euler a Karras"), sampler, scheduler)) == expected


def test_automatic_of_the_second_pass_is_its_own_samplers() -> None:
    assert names(resolve_hires(resolve("Euler"), "DPM++ 2M")) == ("DPM++ 2M", "Automatic", "Karras")


def test_schedule_type_is_what_the_reference_printed() -> None:
    file = ROOT / "tests" / "unit" / "core" / "stages" / "recorded_infotexts.json"
    for entry in json.loads(file.read_text()):
        request = entry["request"]
        if "sampler_name" in request:
            printed = entry["infotext"] if isinstance(entry["infotext"], str) else entry["infotext"][0]
            found = resolve(request["sampler_name"], request.get("scheduler"))
            assert f"Schedule type: {found.schedule_type}," in printed, entry["id"]


def test_facts_about_samplers() -> None:
    by_name = {info.name: info for info in SAMPLERS}
    assert [n for n, i in by_name.items() if i.form == "timestep"] == ["DDIM", "DDIM CFG++", "PLMS", "UniPC"]
    assert [n for n, i in by_name.items() if i.eta_option is None] == [
        "DPM++ 2M", "Euler", "LMS", "Heun", "DPM2", "Restart", "PLMS", "UniPC", "LCM",
    ]  # fmt: skip
    assert by_name["DDIM CFG++"].cfg_multiplier == pytest.approx(0.08)
    assert by_name["Euler"].extra_params == ("s_churn", "s_tmin", "s_tmax", "s_noise")
    assert AUTOMATIC.label == "Automatic"
