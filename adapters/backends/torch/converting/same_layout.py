"""A checkpoint of any family in the layout that it has, with its weights in another number format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.converting.draft import Draft, WeightFile
from adapters.backends.torch.converting.writing import Weight
from adapters.backends.torch.families.reading import weight_files

_TEXTS = (".json", ".txt", ".model", ".yaml", ".md")
_INDEX = ".index.json"
_PARTS = ("unet", "transformer", "vae", "text_encoder", "tokenizer", "scheduler")


def file_draft(path: Path) -> Draft:
    return Draft({"": _weights(path)})


def folder_draft(folder: Path) -> Draft:
    """Of variants in several number formats the one is taken that Serena loads; pickles stay behind."""
    weights: dict[str, WeightFile] = {}
    texts: dict[str, bytes] = {}
    for part in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        for path in _texts(part):
            texts[path.relative_to(folder).as_posix()] = path.read_bytes()
        if any(part.glob("*.safetensors")) and part != folder:
            files = weight_files(part)
            for path in files:
                weights[f"{part.name}/{_plain_name(path, alone=len(files) == 1)}"] = _weights(path)
            if len(files) > 1:
                texts |= {f"{part.name}/{x.name}": x.read_bytes() for x in _indexes(part, files)}
    return Draft(weights, texts)


def drafts_beside(source: Path, target: Path, missing: Sequence[str]) -> dict[Path, Draft]:
    """What lies beside a single file and says more of it, for beside another one.

    :param missing: the parts that the file has not: of these the weights come along.
    """
    found: dict[Path, Draft] = {}
    config, folder = source.with_suffix(".yaml"), source.with_suffix("")
    if config.is_file():
        found[target.with_suffix(".yaml")] = Draft(texts={"": config.read_bytes()})
    if folder.is_dir():
        whole = folder_draft(folder)
        weights = {name: x for name, x in whole.weights.items() if name.split("/")[0] in missing}
        texts = {name: x for name, x in whole.texts.items() if name.startswith(_PARTS) and "/" in name}
        kept = {name: x for name, x in texts.items() if _INDEX not in name or name.split("/")[0] in missing}
        if kept or weights:
            found[target.with_suffix("")] = Draft(weights, kept)
    return found


def _texts(part: Path) -> Iterator[Path]:
    for path in sorted(part.iterdir()):
        if path.is_file() and path.suffix.lower() in _TEXTS and not path.name.endswith(_INDEX):
            yield path


def _indexes(part: Path, files: list[Path]) -> Iterator[Path]:
    stem = files[0].name.split("-0")[0]
    yield from part.glob(f"{stem}.safetensors{_INDEX}")


def _plain_name(path: Path, *, alone: bool) -> str:
    """``model.safetensors`` for ``model.fp16.safetensors``: it may have another format now."""
    return f"{path.name.split('.')[0]}.safetensors" if alone else path.name


def _weights(path: Path) -> WeightFile:
    from safetensors import safe_open

    file: Any = safe_open(path, framework="pt")
    names = list(file.keys())
    found: list[Weight] = []
    for name in names:
        part = file.get_slice(name)
        read: Callable[[], Tensor] = partial(file.get_tensor, name)
        found.append(Weight(name, tuple(part.get_shape()), _DTYPES[part.get_dtype()], read))
    metadata: Mapping[str, str] | None = file.metadata()
    return WeightFile(found, metadata or {})


_DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "I64": torch.int64, "I32": torch.int32,
    "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
