"""What the doctor says of upscalers with weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from adapters.application import Finding
from adapters.backends.torch.upscalers import import_problem
from adapters.diagnosis import diagnose
from adapters.settings import load_settings


def findings(data_dir: Path) -> list[Finding]:
    settings = load_settings(data_dir=data_dir, backend={"name": "fake"})
    return [finding for finding in diagnose(settings, (), ()) if finding.topic == "upscalers"]


def weights(path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def test_nothing_is_said_where_there_are_none(tmp_path: Path) -> None:
    assert findings(tmp_path) == []


def test_weights_are_listed_or_the_reason_why_they_cannot_be_used(tmp_path: Path) -> None:
    weights(tmp_path / "models" / "ESRGAN" / "sharp.safetensors")
    [finding] = findings(tmp_path)
    assert finding.detail.startswith("sharp")
    problem = import_problem()
    if problem is None:
        assert finding.status == "ok"
    else:
        assert finding.status == "warning"
        assert problem in finding.detail
        assert "serena[upscale]" in finding.remedy


def test_a_pickle_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "ESRGAN"
    folder.mkdir(parents=True)
    (folder / "old.pth").write_bytes(b"\x80")
    [finding] = findings(tmp_path)
    assert finding.status == "warning"
    assert "pickle" in finding.detail
