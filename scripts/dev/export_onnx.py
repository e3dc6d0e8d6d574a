"""Export a checkpoint of the SD 1 family for the ONNX backend, which then draws with it without torch.

    python scripts/dev/export_onnx.py [--models-dir models] [MODEL]

MODEL is a name as `serena models` lists it; the built-in model if none is given. The files go to
``ONNX/<first ten digits of the checkpoint's sha256>`` in the models folder, where the backend looks for them:

    text_encoder.onnx   tokens (texts, 77)                      -> hidden (layers + 1, texts, 77, width)
    unet.onnx           x (rows, channels, height, width),
                        time (rows,), context (rows, tokens, width)  -> predicted (as x)
    vae_encoder.onnx    pixels (pictures, 3, height, width) in -1..1 -> mean (as a latent, not scaled)
    vae_decoder.onnx    latent (pictures, channels, height, width)   -> pixels (pictures, 3, height, width)
    tokenizer.json      of the package tokenizers
    export.json         whose weights these are, the noise table, the scale of latents; written last

Everything is single precision, in opset 17; numbers of rows, tokens and cells are free. Textual inversions
and LoRAs are not in it.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adapters.backends.onnx.layout import FORMAT, folder_of
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.models.catalog_disk import BUILTIN_NAME, DiskModelCatalog
from core.domain.errors import ModelError, SerenaError, UnknownModel
from core.domain.families import SD1
from core.domain.model import ModelRef
from core.sampling.model_sigmas import ModelSigmas

OPSET = 17
# Not whole multiples of what the UNet halves: so the graph has the way that fits every size.
ROWS, HEIGHT, WIDTH = 2, 9, 13
CELL = 8
TOKENS = 77
Axes = Mapping[str, Mapping[int, str]]
PICTURES: Mapping[int, str] = {0: "pictures", 2: "height", 3: "width"}


class TextStates(nn.Module):
    """Every hidden state, each through the last norm, so that CLIP skip can choose."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        states = self.network(tokens, output_hidden_states=True).hidden_states
        norm = getattr(self.network, "text_model", self.network).final_layer_norm
        return torch.stack([norm(state) for state in states])


class Predicted(nn.Module):
    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Any:
        return self.unet(x, time, encoder_hidden_states=context, return_dict=False)[0]


class Encoded(nn.Module):
    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, pixels: Tensor) -> Any:
        return self.vae.encode(pixels).latent_dist.mean


class Decoded(nn.Module):
    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latent: Tensor) -> Any:
        return self.vae.decode(latent).sample


def export(ref: ModelRef, models: Path) -> Path:
    """The folder that was written below ``models``. Raises ``ModelError`` for a model of another family."""
    model = load_model(ref, torch.device("cpu"), torch.float32)
    check(model)
    folder = folder_of(models, ref)
    folder.mkdir(parents=True, exist_ok=True)
    # The tokens of no text: any will do.
    tokens = torch.zeros((ROWS, TOKENS), dtype=torch.int64)
    write(TextStates(model.text_encoder), (tokens,), folder / "text_encoder.onnx",
          {"tokens": {0: "texts"}}, {"hidden": {1: "texts"}})  # fmt: skip
    cells = (model.latent_channels, HEIGHT, WIDTH)
    context = torch.zeros((ROWS, TOKENS, model.unet.config.cross_attention_dim))
    write(Predicted(model.unet), (torch.zeros(ROWS, *cells), torch.zeros(ROWS), context),
          folder / "unet.onnx",
          {"x": {**PICTURES, 0: "rows"}, "time": {0: "rows"}, "context": {0: "rows", 1: "tokens"}},
          {"predicted": {**PICTURES, 0: "rows"}})  # fmt: skip
    pixels = torch.zeros(1, 3, HEIGHT * CELL, WIDTH * CELL)
    write(
        Encoded(model.vae), (pixels,), folder / "vae_encoder.onnx", {"pixels": PICTURES}, {"mean": PICTURES}
    )
    write(Decoded(model.vae), (torch.zeros(1, *cells),), folder / "vae_decoder.onnx",
          {"latent": PICTURES}, {"pixels": PICTURES})  # fmt: skip
    model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "export.json").write_text(json.dumps(description(model), indent=1) + "\n", encoding="utf-8")
    return folder


def check(model: LoadedModel) -> None:
    """Raises ``ModelError`` for what the backend would draw otherwise than the torch backend does."""
    plain = model.family.name == SD1 and model.input_channels == model.latent_channels
    table = ModelSigmas.from_alphas_cumprod(model.sigmas.alphas_cumprod)
    if not plain or model.sigmas != table or model.guidance_width is not None:
        title = model.ref.identity.title
        raise ModelError(f"{title} is no plain model of the SD 1 family; others are not exported")


def description(model: LoadedModel) -> dict[str, Any]:
    tokenizer, vae = model.tokenizer, model.vae.config
    return {
        "format": FORMAT,
        "model": model.ref.identity.name,
        "sha256": model.ref.identity.sha256,
        "opset": OPSET,
        "prediction": model.prediction.value,
        "alphas_cumprod": list(model.sigmas.alphas_cumprod),
        "latent_channels": model.latent_channels,
        "latent_scale": float(vae.scaling_factor),
        "latent_shift": float(getattr(vae, "shift_factor", None) or 0.0),
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "comma": tokenizer.get_vocab().get(",</w>"),
    }


def write(network: nn.Module, example: tuple[Tensor, ...], path: Path, given: Axes, told: Axes) -> None:
    """With the exporter that traces. The newer one takes two minutes and two more packages for the same."""
    with warnings.catch_warnings(), torch.inference_mode():
        # It warns of its age, and of each size that the traced code looks at; those are free in the file.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(given),
            output_names=list(told),
            dynamic_axes={**given, **told},
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Export a checkpoint for the ONNX backend.")
    parser.add_argument("model", nargs="?", default=BUILTIN_NAME)
    parser.add_argument("--models-dir", type=Path, default=Path("models"))
    options = parser.parse_args(argv)
    catalog = DiskModelCatalog(options.models_dir)
    try:
        ref = catalog.find(options.model)
        if ref is None:
            raise UnknownModel(options.model, tuple(one.identity.title for one in catalog.all()))
        print(export(ref, options.models_dir))
    except SerenaError as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
