"""Weights of upscalers in a models folder."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from adapters.models.upscaler_files import UpscalerFiles, scale_in


def weights(path: Path) -> Path:
    """A whole safetensors file with one number."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return path


def test_listed_by_name_with_their_path_and_scale(tmp_path: Path) -> None:
    weights(tmp_path / "ESRGAN" / "Zeta_2x.safetensors")
    weights(tmp_path / "ESRGAN" / "deeper" / "beta.safetensors")
    weights(tmp_path / "DAT" / "Alpha x3.safetensors")
    weights(tmp_path / "elsewhere" / "gamma.safetensors")
    files = UpscalerFiles(tmp_path)
    assert [(ref.name, ref.model_name, ref.path, ref.scale) for ref in files.all()] == [
        ("Alpha x3", "Alpha x3", "DAT/Alpha x3.safetensors", 3.0),
        ("beta", "beta", "ESRGAN/deeper/beta.safetensors", 4.0),
        ("Zeta_2x", "Zeta_2x", "ESRGAN/Zeta_2x.safetensors", 2.0),
    ]
    assert files.problems() == ()
    assert files.location(files.all()[0]) == tmp_path / "DAT" / "Alpha x3.safetensors"


@pytest.mark.parametrize("name", ["a.pth", "a.PT", "a.ckpt", "a.bin"])
def test_a_pickle_is_a_problem_and_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "RealESRGAN").mkdir()
    (tmp_path / "RealESRGAN" / name).write_bytes(b"\x80\x04")
    files = UpscalerFiles(tmp_path)
    assert files.all() == ()
    [problem] = files.problems()
    assert problem.name == f"RealESRGAN/{name}"
    assert "pickle" in problem.message


def test_a_broken_file_is_a_problem(tmp_path: Path) -> None:
    path = weights(tmp_path / "HAT" / "cut.safetensors")
    path.write_bytes(path.read_bytes()[:-2])
    files = UpscalerFiles(tmp_path)
    assert files.all() == ()
    assert "cut off" in files.problems()[0].message


def test_the_first_of_two_with_one_name_counts(tmp_path: Path) -> None:
    weights(tmp_path / "ESRGAN" / "same.safetensors")
    weights(tmp_path / "SwinIR" / "same.safetensors")
    files = UpscalerFiles(tmp_path)
    assert [ref.path for ref in files.all()] == ["ESRGAN/same.safetensors"]
    assert [problem.name for problem in files.problems()] == ["SwinIR/same.safetensors"]


def test_the_disk_is_looked_at_again_when_asked(tmp_path: Path) -> None:
    files = UpscalerFiles(tmp_path)
    assert files.all() == ()
    weights(tmp_path / "ESRGAN" / "new.safetensors")
    assert files.all() == ()
    files.refresh()
    assert [ref.name for ref in files.all()] == ["new"]


def test_a_folder_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    weights(tmp_path / "outside" / "far.safetensors")
    models = tmp_path / "models"
    (models / "ESRGAN").mkdir(parents=True)
    (models / "ESRGAN" / "link").symlink_to(tmp_path / "outside")
    assert UpscalerFiles(models).all() == ()


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("4x-UltraSharp", 4),
        ("RealESRGAN_x2plus", 2),
        ("ESRGAN_4x", 4),
        ("DAT x3", 3),
        ("003_realSR_s64w8_SwinIR-L_x4_GAN", 4),
        ("2xNomos", 2),
        ("1x-denoise", 1),
        ("anything", 4),
    ],
)
def test_the_scale_that_a_name_tells(name: str, scale: float) -> None:
    assert scale_in(name) == scale
