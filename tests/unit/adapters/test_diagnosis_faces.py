"""What the doctor says of face restorers."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.application import Finding
from adapters.backends.torch.faces import missing_for_faces
from adapters.backends.torch.upscalers import import_problem
from adapters.diagnosis import diagnose
from adapters.settings import load_settings
from tests.unit.adapters.test_diagnosis_upscalers import weights


def findings(data_dir: Path) -> list[Finding]:
    settings = load_settings(data_dir=data_dir, backend={"name": "fake"})
    return [finding for finding in diagnose(settings, (), ()) if finding.topic == "faces"]


def test_nothing_is_said_where_there_are_none(tmp_path: Path) -> None:
    assert findings(tmp_path) == []


@pytest.mark.parametrize(("name", "folder"), [("GFPGAN", "GFPGAN"), ("CodeFormer", "Codeformer")])
def test_weights_are_told_or_the_reason_why_they_cannot_be_used(
    tmp_path: Path, name: str, folder: str
) -> None:
    weights(tmp_path / "models" / folder / f"{name.lower()}.safetensors")
    [finding] = findings(tmp_path)
    problem = missing_for_faces(name) or import_problem()
    assert finding.detail.startswith(name)
    assert (finding.status, finding.remedy == "") == (("ok", True) if problem is None else ("warning", False))
    assert problem is None or problem in finding.detail


def test_a_pickle_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "GFPGAN"
    folder.mkdir(parents=True)
    (folder / "GFPGANv1.4.pth").write_bytes(b"\x80")
    [finding] = findings(tmp_path)
    assert finding.status == "warning"
    assert "GFPGANv1.4.pth: it is a pickle" in finding.detail
