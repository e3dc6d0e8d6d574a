"""A look at one checkpoint, wherever it lies."""

from __future__ import annotations

import struct
from pathlib import Path

from adapters.models.catalog_disk import BUILTIN_FOLDER
from adapters.models.report import report_on
from tests.unit.adapters.models.test_single_files import SD1, SD2, write


def test_a_single_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", SD2)
    report = report_on(path)
    assert (report.layout, report.family) == ("single file", "Stable Diffusion 2.x")
    assert (report.prediction, report.assumed, report.channels) == ("v_prediction", True, 4)
    assert (report.precision, report.tensors, report.problem) == (("F32",), 4, None)
    assert report.bytes == path.stat().st_size


def test_a_folder() -> None:
    report = report_on(BUILTIN_FOLDER)
    assert (report.layout, report.family, report.problem) == ("folder", "Stable Diffusion 1.x", None)
    assert report.precision == ("F16",)
    assert report.tensors > 100


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    assert report_on(tmp_path / "gone").problem == f"there is no {tmp_path / 'gone'}"
    index = report_on(write(tmp_path / "m" / "x.safetensors", SD1).parent)
    assert "model_index.json is missing" in str(index.problem)
    lora = report_on(write(tmp_path / "l.safetensors", {"lora_unet_x.lora_down.weight": (1,)}))
    assert "it is a LoRA" in str(lora.problem)
    assert lora.tensors == 1
    hostile = tmp_path / "h.safetensors"
    hostile.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    assert "is no safetensors file" in str(report_on(hostile).problem)
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x04")
    assert "pickle" in str(report_on(tmp_path / "old.ckpt").problem)
