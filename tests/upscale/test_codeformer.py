"""CodeFormer comes in by a package of its own, which registers the network. Here that is a tiny stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adapters.backends.torch.faces import NetworkFaceRestorers, face_reader, missing_for_faces, opencv_finder
from adapters.models.face_files import FaceFiles

pytestmark = pytest.mark.upscale

PACKAGE = """
import spandrel
import torch


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.codeformer = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, weight=0.5):
        assert float(x.min()) < 0 <= float(x.max()) <= 1
        return x * 0 + weight * 2 - 1, None


class Arch(spandrel.Architecture):
    def __init__(self):
        super().__init__(id="CodeFormer", detect=lambda state: "codeformer" in state)

    def load(self, state_dict):
        return spandrel.ImageModelDescriptor(
            Network(), state_dict, architecture=self, purpose="FaceSR", tags=[], supports_half=False,
            supports_bfloat16=False, scale=1, input_channels=3, output_channels=3,
        )


def install(*, ignore_duplicates=False):
    support = spandrel.ArchSupport.from_architecture(Arch())
    return spandrel.MAIN_REGISTRY.add(support, ignore_duplicates=ignore_duplicates)
"""


def test_codeformer_works_where_its_package_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    folder = tmp_path / "models" / "Codeformer"
    folder.mkdir(parents=True)
    save_file({"codeformer": torch.zeros(1)}, folder / "codeformer-v0.1.0.safetensors")
    files = FaceFiles(tmp_path / "models")
    restorers = NetworkFaceRestorers(files, face_reader("cpu"), opencv_finder, missing_for_faces)
    assert restorers.names() == ()
    assert "allows no commercial use" in (missing_for_faces("CodeFormer") or "")

    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "spandrel_extra_arches.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    assert restorers.names() == ("CodeFormer",)
    network = face_reader("cpu")("CodeFormer", files.weights()["CodeFormer"])
    face = torch.linspace(0, 1, 3 * 512 * 512).reshape(1, 3, 512, 512)
    for weight in (0.25, 0.75):
        assert torch.allclose(network(face, weight), torch.full_like(face, weight))
