"""A network from its folder in the layout of diffusers or transformers, by our own way.

The libraries' ``from_pretrained`` is not used for weights: while it reads, it changes how every thread of the
process makes networks, and what a folder has not is left at random with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.families.parts import read_json
from adapters.backends.torch.families.state import empty, filled
from core.domain.errors import ModelError

_INDEX, _WHOLE = re.compile(r"(.+)\.safetensors\.index(\.\w+)?\.json"), ".safetensors"
_TEXT = "text_model."
_OLD_ATTENTION = (
    (".query.", ".to_q."),
    (".key.", ".to_k."),
    (".value.", ".to_v."),
    (".proj_attn.", ".to_out.0."),
)
_SPARE = ("position_ids", "logit_scale", "text_projection.weight")


def read_network(folder: Path, cls: Any, dtype: torch.dtype) -> Any:
    """The network of that class, on the CPU. Nothing is fetched, no pickle is opened, nothing is left at
    random. Raises ``ModelError``, or whatever the libraries raise for a configuration that is broken."""
    make = _maker(folder, cls)
    wanted = frozenset(empty(make).state_dict())
    weights = {_name_now(name, wanted): x for name, x in read_weights(folder).items()}
    words = f"the {folder.name} of {folder.parent.name}"
    return filled(make, weights, dtype, lambda name: name.endswith(_SPARE), words)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder, from one file or from several with an index. Of variants in other number
    formats the one without a name of its own is taken, else the first."""
    from safetensors.torch import load_file

    found: dict[str, Tensor] = {}
    for path in weight_files(folder):
        found |= load_file(path)
    return found


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights. Raises ``ModelError`` where there are none, or one is missing."""
    found = ((_INDEX.fullmatch(path.name), path) for path in folder.glob("*.json"))
    named = {match[1] + (match[2] or ""): path for match, path in found if match is not None}
    pieces = {name for index in named.values() for name in _pieces(index)}
    whole = {
        path.name.removesuffix(_WHOLE): path for path in folder.glob(f"*{_WHOLE}") if path.name not in pieces
    }
    stems = sorted({*named, *whole}, key=lambda stem: (len(stem), stem))
    if not stems:
        raise ModelError(f"{folder.parent.name}/{folder.name} cannot be loaded: it has no .safetensors file")
    if stems[0] in whole:
        return [whole[stems[0]]]
    return [_piece(folder, name) for name in _pieces(named[stems[0]])]


def _pieces(index: Path) -> Iterator[str]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict):
        raise ModelError(f"{index.parent.name}/{index.name} is broken: it has no weight_map")
    yield from sorted({str(name) for name in places.values()})


def _piece(folder: Path, name: str) -> Path:
    path = folder / name
    if path.parent != folder or not path.is_file():
        raise ModelError(f"{folder.parent.name}/{folder.name} has no {name}, which its index names")
    return path


def _maker(folder: Path, cls: Any) -> Callable[[], Any]:
    if hasattr(cls, "config_class") and cls.config_class is not None:
        config = cls.config_class.from_pretrained(folder, local_files_only=True)
        return lambda: cls(config)
    plain = read_json(folder / "config.json")
    return lambda: cls.from_config(plain)


def _name_now(name: str, wanted: frozenset[str]) -> str:
    """How the installed libraries call a weight that older or newer ones wrote."""
    if name in wanted:
        return name
    renamed = name
    for old, new in _OLD_ATTENTION:
        renamed = renamed.replace(old, new)
    for candidate in (renamed, name.removeprefix(_TEXT), _TEXT + name):
        if candidate in wanted:
            return candidate
    return name
