"""Can a diffusers folder be loaded? Told from its files' names and headers, so it is fast for any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adapters.models.flow_checks import NETWORK, flow_folder, flow_kind, is_flow, parts_of
from adapters.models.safetensors_header import read_header
from core.domain.errors import ModelError
from core.domain.families import EPSILON, OPEN_CLIP_ACTIVATION, REFINER, SD1, SD2, SDXL, CheckpointKind
from core.domain.flow_families import FLOW_PIPELINES, FlowFamily

INDEX = "model_index.json"
_MAX_JSON = 4 * 1024 * 1024
_PIPELINES = frozenset(
    {
        "StableDiffusionPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionInstructPix2PixPipeline",
        "LatentConsistencyModelPipeline",
        "StableDiffusionXLPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionXLInpaintPipeline",
        "StableDiffusionXLInstructPix2PixPipeline",
    }
)
_SECOND = ("text_encoder_2", "tokenizer_2")
_FIRST = ("text_encoder", "tokenizer")
_LIBRARIES = frozenset({"diffusers", "transformers"})
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def check_diffusers_folder(folder: Path, root: Path) -> None:
    """Raise ``ModelError`` with one sentence that names the file which is missing, broken or not allowed.

    :param root: no link may lead out of it.
    """
    check_inside(folder, root)
    for path in folder.rglob("*"):
        check_inside(path, root)
    index = read_json(folder / INDEX)
    kind = index.get("_class_name")
    if str(kind) not in _PIPELINES and not is_flow(index):
        known = ", ".join(sorted((*_PIPELINES, *FLOW_PIPELINES)))
        raise ModelError(f"{folder / INDEX} names a {kind!r}; this server draws with {known}")
    parts = _parts(folder, index)
    for name in (*parts, "scheduler"):
        _check_library(folder / INDEX, name, index.get(name))
    for name in parts:
        if name.startswith("tokenizer"):
            _check_tokenizer(folder / name)
        else:
            _check_network(folder / name)
    _need(folder / "scheduler" / "scheduler_config.json")


def describe_folder(folder: Path) -> CheckpointKind:
    """What a folder that was checked holds."""
    index = read_json(folder / INDEX)
    if (flow := _flow_family(folder, index)) is not None:
        return flow_kind(flow)
    unet = read_json(folder / "unet" / "config.json")
    prediction = read_json(folder / "scheduler" / "scheduler_config.json").get("prediction_type")
    text = read_json(folder / "text_encoder" / "config.json") if _has(index, "text_encoder") else {}
    channels = unet.get("in_channels") or 4
    if not isinstance(channels, int):
        raise ModelError(
            f"{folder / 'unet' / 'config.json'} is broken: in_channels is {channels!r} and no number"
        )
    return CheckpointKind(_family(index, text), channels, str(prediction or EPSILON))


def _family(index: dict[str, Any], text: dict[str, Any]) -> str:
    if "XL" in str(index.get("_class_name")):
        return SDXL if _has(index, "text_encoder") else REFINER
    return SD2 if text.get("hidden_act") == OPEN_CLIP_ACTIVATION else SD1


def _parts(folder: Path, index: dict[str, Any]) -> tuple[str, ...]:
    flow = _flow_family(folder, index)
    return ("unet", "vae", *_texts(index)) if flow is None else tuple(parts_of(flow, index))


def _flow_family(folder: Path, index: dict[str, Any]) -> FlowFamily | None:
    if not is_flow(index):
        return None
    return flow_folder(index, read_json(folder / NETWORK / "config.json"))


def _texts(index: dict[str, Any]) -> tuple[str, ...]:
    """The text encoders and tokenizers that such a folder needs: a refiner has only the second."""
    if "XL" not in str(index.get("_class_name")):
        return _FIRST
    return (*_FIRST, *_SECOND) if _has(index, "text_encoder") else _SECOND


def _has(index: dict[str, Any], name: str) -> bool:
    entry = index.get(name)
    return isinstance(entry, list) and any(part is not None for part in entry)


def check_inside(path: Path, root: Path) -> None:
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        raise ModelError(f"{path} leads round in a circle; put the files themselves there") from None
    if not inside:
        raise ModelError(f"{path} leads out of {root}; put the files themselves there")


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object. Raises ``ModelError``."""
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is no file")
        if path.stat().st_size > _MAX_JSON:
            raise ModelError(f"{path} is too large for a configuration")
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{path} is missing; get the whole folder again") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is broken or cut off; get the file again") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is broken: it must hold a JSON object")
    return content


def _check_library(index: Path, name: str, entry: object) -> None:
    library = entry[0] if isinstance(entry, list) and len(entry) == 2 else None
    if library is None:
        raise ModelError(f"{index} names no {name}; get the whole folder again")
    if str(library) not in _LIBRARIES:
        raise ModelError(
            f"{index} takes its {name} from {library!r}; code that comes with a model is never run"
        )


def _check_network(folder: Path) -> None:
    read_json(folder / "config.json")
    weights = sorted(folder.glob("*.safetensors"))
    for index in folder.glob("*.safetensors.index.json"):
        _check_shards(index)
    if not weights:
        pickles = [path for pattern in _PICKLES for path in sorted(folder.glob(pattern))]
        if pickles:
            raise ModelError(f"{pickles[0]} is a pickle, which can run code; convert it to safetensors")
        raise ModelError(f"{folder} has no .safetensors file; get the whole folder again")
    for path in weights:
        read_header(path)


def _check_shards(index: Path) -> None:
    shards = read_json(index).get("weight_map")
    if not isinstance(shards, dict):
        raise ModelError(f"{index} is broken: it has no weight_map")
    for name in sorted({str(shard) for shard in shards.values()}):
        if "/" in name or "\\" in name:
            raise ModelError(f"{index} names {name!r}, which is not a file beside it")
        _need(index.parent / name)


def _check_tokenizer(folder: Path) -> None:
    if not (folder / "tokenizer.json").is_file():
        _need(folder / "vocab.json")
        _need(folder / "merges.txt")


def _need(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path} is missing; get the whole folder again")
