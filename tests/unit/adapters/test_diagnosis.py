"""What the doctor finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.application import BackendSummary, Finding
from adapters.diagnosis import diagnose
from adapters.settings import load_settings
from plugins.report import PluginReport


def findings(folder: Path, plugins: tuple[PluginReport, ...] = (), **fields: Any) -> dict[str, list[Finding]]:
    settings = load_settings(data_dir=folder, **{"backend": {"name": "fake"}, **fields})
    backends = (
        BackendSummary("fake", "serena", True, ""),
        BackendSummary("tpu", "other", False, "no such device"),
    )
    found: dict[str, list[Finding]] = {}
    for finding in diagnose(settings, backends, plugins):
        found.setdefault(finding.topic, []).append(finding)
    return found


def test_all_is_well(tmp_path: Path) -> None:
    found = findings(tmp_path / "new")
    assert list(found) == ["python", "torch", "backend", "data folder", "models", "plugins"]
    assert [finding.status for finding in found["backend"]] == ["warning", "ok"]
    assert "tpu: no such device" in found["backend"][0].detail
    assert found["data folder"][0].detail == str(tmp_path / "new")
    assert found["plugins"] == [Finding("plugins", "ok", "none installed")]
    assert found["models"][0].status == "ok"


def test_what_is_wrong_comes_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    reports = (
        PluginReport(name="good", distribution="d", version="1", builtin=False, hooks=("serena_saved",)),
        PluginReport(name="bad", distribution="", version="", builtin=False, error="cannot be imported"),
    )
    found = findings(tmp_path / "file", reports, backend={"name": "gpu"}, models={"builtin": False})
    assert found["backend"][-1].status == found["data folder"][0].status == "error"
    assert all(
        finding.remedy for findings in found.values() for finding in findings if finding.status != "ok"
    )
    assert [finding.status for finding in found["plugins"]] == ["ok", "warning"]
    assert "good 1 (serena_saved)" in found["plugins"][0].detail
    assert "update bad" in found["plugins"][1].remedy


def test_without_a_model_the_doctor_says_where_to_put_one(tmp_path: Path) -> None:
    found = findings(tmp_path, backend={"name": "torch"}, models={"builtin": False})["models"]
    assert found[0].status == "error"
    assert str(tmp_path / "models") in found[0].remedy


@pytest.mark.parametrize("name", ["broken"])
def test_a_broken_model_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "models" / name
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{")
    assert any(name in finding.detail for finding in findings(tmp_path)["models"] if finding.status != "ok")
