"""A checkpoint of the UNet families from a single file to a folder and back, with the same weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from adapters.backends.torch.converting.draft import Draft, WeightFile
from adapters.backends.torch.converting.text_names import original_text
from adapters.backends.torch.converting.unet_names import original_unet, original_vae
from adapters.backends.torch.converting.writing import Weight
from adapters.backends.torch.families.configs import TEXTS, UNETS, VAE
from adapters.backends.torch.families.parts import Parts
from core.domain.errors import ModelError
from core.domain.families import EDIT_CHANNELS, INPAINT_CHANNELS, REFINER, SDXL, TITLES

_SCHEDULER: Mapping[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
_USUAL = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps")
_SHAPE = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
    "hidden_act",
)
_WORDS = 49408
_UNUSED = ("safety_checker", "feature_extractor", "image_encoder")


def folder_of_file(parts: Parts) -> Draft:
    """The draft of a folder in the layout of diffusers."""
    _check(parts)
    weights: dict[str, WeightFile] = {}
    texts: dict[str, bytes] = {"model_index.json": _json(_index(parts))}
    for part, network in parts.networks.items():
        stem = "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"
        held = [Weight.held(name, x) for name, x in network.state_dict().items()]
        weights[f"{part}/{stem}.safetensors"] = WeightFile(held)
        texts[f"{part}/config.json"] = _json(_config(network))
    for name, tokenizer in parts.tokenizers.items():
        texts |= {f"{name}/{file}": content for file, content in _files(tokenizer).items()}
    texts["scheduler/scheduler_config.json"] = _json({**_SCHEDULER, **parts.scheduler})
    return Draft(weights, texts)


def file_of_folder(parts: Parts) -> tuple[Draft, Draft]:
    """The draft of a single file, and of the folder beside it: what such a file does not say and Serena does
    not know. That is empty for the models of the makers."""
    _check(parts)
    unet, vae, kind = parts.networks["unet"], parts.networks["vae"], parts.family
    state = original_unet(unet.state_dict(), unet.config) | original_vae(vae.state_dict(), vae.config)
    for one in kind.encoders:
        state |= original_text(one, parts.networks[one.part].state_dict())
    if parts.scheduler.get("rescale_betas_zero_snr"):
        state["ztsnr"] = torch.zeros(0)
    prediction = str(parts.scheduler.get("prediction_type", "epsilon"))
    held = [Weight.held(name, x) for name, x in state.items()]
    file = WeightFile(held, {"modelspec.prediction_type": prediction.removesuffix("_prediction")})
    return Draft({"": file}), Draft(texts=_beside(parts))


def _beside(parts: Parts) -> dict[str, bytes]:
    name = parts.family.name
    found: dict[str, bytes] = {}
    known: dict[str, Mapping[str, Any]] = {"unet": UNETS[name], "vae": VAE}
    for one, config in zip(parts.family.encoders, TEXTS[name], strict=True):
        known[one.part] = {key: config[key] for key in _SHAPE}
        if config["vocab_size"] == _WORDS != _config(parts.networks[one.part])["vocab_size"]:
            files = _files(parts.tokenizers[one.tokenizer])
            found |= {f"{one.tokenizer}/{file}": content for file, content in files.items()}
    for part, usual in known.items():
        config = _config(parts.networks[part])
        if any(_plain(config.get(key)) != _plain(value) for key, value in usual.items()):
            found[f"{part}/config.json"] = _json(config)
    said = {**_SCHEDULER, **parts.scheduler}
    taught = said["timestep_spacing"] == "trailing" or said["_class_name"] == "LCMScheduler"
    if taught or any(said[key] != _SCHEDULER[key] for key in _USUAL):
        found["scheduler/scheduler_config.json"] = _json(said)
    return found


def _check(parts: Parts) -> None:
    if parts.family.flow is not None:
        title = TITLES.get(parts.family.name, parts.family.name)
        raise ModelError(
            f"a {title} model can change its number format and not its layout; that is for models with a UNet"
        )


def _index(parts: Parts) -> dict[str, Any]:
    unet, family = parts.networks["unet"], parts.family
    names = {part: ["diffusers", type(parts.networks[part]).__name__] for part in ("unet", "vae")}
    for one in family.encoders:
        names[one.part] = ["transformers", type(parts.networks[one.part]).__name__]
        names[one.tokenizer] = ["transformers", "CLIPTokenizer"]
    scheduler = {**_SCHEDULER, **parts.scheduler}["_class_name"]
    index: dict[str, Any] = {"_class_name": _pipeline(family.name, unet.config), **names}
    index["scheduler"] = ["diffusers", scheduler]
    if family.name in (SDXL, REFINER):
        index["force_zeros_for_empty_prompt"] = family.name == SDXL
        absent = ("text_encoder", "tokenizer") if family.name == REFINER else ()
        return {**index, **{name: [None, None] for name in absent}}
    return {**index, **{name: [None, None] for name in _UNUSED}, "requires_safety_checker": False}


def _pipeline(family: str, config: Mapping[str, Any]) -> str:
    base, channels = (
        "StableDiffusionXL" if family in (SDXL, REFINER) else "StableDiffusion",
        config["in_channels"],
    )
    if family == REFINER:
        return f"{base}Img2ImgPipeline"
    if config.get("time_cond_proj_dim") and family != SDXL:
        return "LatentConsistencyModelPipeline"
    ends = {INPAINT_CHANNELS: "InpaintPipeline", EDIT_CHANNELS: "InstructPix2PixPipeline"}
    return base + ends.get(channels, "Pipeline")


def _config(network: Any) -> dict[str, Any]:
    config: Any = network.config
    if hasattr(config, "to_dict"):
        return dict(config.to_dict())
    return {
        "_class_name": type(network).__name__,
        **{k: v for k, v in config.items() if not k.startswith("_")},
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, default=str) + "\n").encode()


def _files(tokenizer: Any) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
