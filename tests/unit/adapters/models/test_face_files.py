"""Which files of a webui's folders are weights of face restorers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from adapters.models.face_files import FaceFiles


def weights(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weight": np.zeros(3, np.float32)}, path)
    return path


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    files = FaceFiles(tmp_path)
    assert files.weights() == {}
    assert files.detector() is None
    assert files.problems() == ()


def test_each_restorer_has_its_newest_file(tmp_path: Path) -> None:
    weights(tmp_path / "GFPGAN" / "GFPGANv1.3.safetensors")
    newest = weights(tmp_path / "GFPGAN" / "GFPGANv1.4.safetensors")
    weights(tmp_path / "GFPGAN" / "parsing_parsenet.safetensors")
    former = weights(tmp_path / "Codeformer" / "codeformer-v0.1.0.safetensors")
    files = FaceFiles(tmp_path)
    assert list(files.weights().items()) == [("CodeFormer", former), ("GFPGAN", newest)]
    assert files.problems() == ()


def test_pickles_and_broken_files_are_not_used_but_told(tmp_path: Path) -> None:
    good = weights(tmp_path / "GFPGAN" / "GFPGANv1.3.safetensors")
    (tmp_path / "GFPGAN" / "GFPGANv1.4.pth").write_bytes(b"pickle")
    (tmp_path / "GFPGAN" / "GFPGANv1.5.safetensors").write_bytes(b"short")
    (tmp_path / "GFPGAN" / "detection_Resnet50_Final.pth").write_bytes(b"of another program")
    files = FaceFiles(tmp_path)
    assert files.weights() == {"GFPGAN": good}
    told = {problem.name: problem.message for problem in files.problems()}
    assert list(told) == ["GFPGAN/GFPGANv1.4.pth", "GFPGAN/GFPGANv1.5.safetensors"]
    assert "a pickle" in told["GFPGAN/GFPGANv1.4.pth"]
    assert "cut off" in told["GFPGAN/GFPGANv1.5.safetensors"]


@pytest.mark.parametrize("folder", ["facedetection", "GFPGAN", "Codeformer"])
def test_a_detector_may_lie_in_several_folders(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "face_detection_yunet_2023mar.onnx"
    path.parent.mkdir()
    path.write_bytes(b"onnx")
    (tmp_path / folder / "other.onnx").write_bytes(b"onnx")
    assert FaceFiles(tmp_path).detector() == path
