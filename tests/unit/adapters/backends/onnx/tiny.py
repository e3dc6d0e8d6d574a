"""Networks of one node, and an export made of them."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models

from adapters.backends.onnx.layout import folder_of
from core.domain.model import ModelRef

IR_VERSION = 8


def doubling(path: Path, name: str = "x", factor: float = 2.0) -> Path:
    """A network that multiplies ``name``."""
    given = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    told = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    by = helper.make_tensor("by", TensorProto.FLOAT, [], [factor])
    graph = helper.make_graph([helper.make_node("Mul", [name, "by"], ["y"])], "graph", [given], [told], [by])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=IR_VERSION)
    onnx.save(model, path)
    return path


def write_export(folder_of_models: Path, ref: ModelRef, decoder_factor: float = 1.0) -> Path:
    """An export that loads, with latents three channels deep and as large as their pictures."""
    folder = folder_of(folder_of_models, ref)
    folder.mkdir(parents=True)
    factors = {"text_encoder": ("tokens", 1.0), "unet": ("x", 1.0), "vae_encoder": ("pixels", 1.0)}
    for name, (given, factor) in {**factors, "vae_decoder": ("latent", decoder_factor)}.items():
        doubling(folder / f"{name}.onnx", given, factor)
    Tokenizer(models.WordLevel({"a": 3, "?": 0}, "?")).save(str(folder / "tokenizer.json"))
    told = {
        "format": 1,
        "sha256": ref.identity.sha256,
        "prediction": "epsilon",
        "alphas_cumprod": [0.9, 0.5],
        "latent_channels": 3,
        "latent_scale": 0.5,
        "latent_shift": 0.25,
        "bos": 1,
        "eos": 2,
        "comma": None,
    }
    (folder / "export.json").write_text(json.dumps(told), encoding="utf-8")
    return folder
