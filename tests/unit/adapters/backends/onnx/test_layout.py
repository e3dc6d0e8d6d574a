"""What is said of an export that is missing, broken, or of another checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.backends.onnx.layout import DESCRIPTION, NETWORKS, folder_of, read_export
from core.domain.errors import ModelError
from core.domain.model import ModelIdentity, ModelRef
from core.sampling.scalings import PredictionType

REF = ModelRef(ModelIdentity("cats", "ab" * 32), "cats")
TOLD = {
    "format": 1,
    "sha256": "ab" * 32,
    "prediction": "v_prediction",
    "alphas_cumprod": [0.9, 0.5],
    "latent_channels": 4,
    "latent_scale": 0.18,
    "latent_shift": 0.0,
    "bos": 1,
    "eos": 2,
    "comma": None,
}


def written(models: Path, **changes: Any) -> Path:
    folder = folder_of(models, REF)
    folder.mkdir(parents=True)
    told = {name: value for name, value in {**TOLD, **changes}.items() if value is not ...}
    (folder / DESCRIPTION).write_text(json.dumps(told), encoding="utf-8")
    for name in NETWORKS:
        (folder / f"{name}.onnx").touch()
    return folder


def test_what_an_export_says(tmp_path: Path) -> None:
    written(tmp_path)
    export = read_export(tmp_path, REF)
    assert export.prediction is PredictionType.V
    assert len(export.sigmas.sigmas) == 2
    assert (export.eos, export.comma, export.latent_scale) == (2, None, 0.18)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, r"not of format 1; export the checkpoint anew"),
        ({"sha256": "cd" * 32}, r"another checkpoint than cats \[ababababab\]"),
        ({"bos": ...}, r"broken: KeyError: 'bos'"),
        ({"latent_scale": "much"}, r"broken: ValueError"),
        ({"prediction": "weather"}, r"broken: ValueError"),
        ({"alphas_cumprod": [2.0, 1.0]}, r"broken: InvalidValue: alphas_cumprod"),
    ],
)
def test_what_is_wrong_is_told(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    written(tmp_path, **changes)
    with pytest.raises(ModelError, match=words):
        read_export(tmp_path, REF)


def test_without_an_export_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"scripts/dev/export_onnx\.py --models-dir .* 'cats'"):
        read_export(tmp_path, REF)


def test_a_network_that_is_missing(tmp_path: Path) -> None:
    (written(tmp_path) / "unet.onnx").unlink()
    with pytest.raises(ModelError, match=r"has no unet\.onnx"):
        read_export(tmp_path, REF)


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    (written(tmp_path) / DESCRIPTION).write_text("{")
    with pytest.raises(ModelError, match=r"export\.json cannot be read"):
        read_export(tmp_path, REF)
