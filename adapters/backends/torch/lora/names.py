"""Which layer a tensor of a file belongs to: by the names of three trainers' layouts.

========================================================  ======================================
``lora_unet_down_blocks_0_…_to_q.lora_down.weight``       kohya: a path with underscores
``lora_unet_input_blocks_1_1_…_to_q.lora_down.weight``    kohya, with the original's block names
``unet.down_blocks.0.….to_q.lora_A.weight``               diffusers and peft
========================================================  ======================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_ENDINGS = re.compile(
    r"^(?P<layer>.+?)\.(?P<factor>(?:lora_(?:down|up|mid|A|B)|lora\.(?:down|up)"
    r"|lora_linear_layer\.(?:down|up))(?:\.default)?\.weight"
    r"|hada_[wt]\d(?:_[ab])?|lokr_[wt]\d(?:_[ab])?|alpha|dora_scale|diff|diff_b)$"
)
_OLD_PROCESSOR = re.compile(r"\.processor\.(to_[qkv]|to_out)_lora\.(down|up)\.weight$")
_RESNET = {
    "in_layers_2": "conv1", "emb_layers_1": "time_emb_proj", "out_layers_3": "conv2",
    "skip_connection": "conv_shortcut",
}  # fmt: skip
KOHYA = {"lora_unet_": "unet", "lora_te_": "text_encoder", "lora_te1_": "text_encoder",
         "lora_te2_": "text_encoder_2"}  # fmt: skip
DOTTED = ("unet", "text_encoder", "text_encoder_2")


def split_name(name: str) -> tuple[str, str] | None:
    """The layer as the file calls it, and the factor; None for a name of another kind."""
    old = _OLD_PROCESSOR.search(name)
    if old is not None:
        layer = "to_out.0" if old[1] == "to_out" else old[1]
        return f"{name[: old.start()]}.{layer}", f"lora_{old[2]}.weight"
    found = _ENDINGS.match(name)
    return None if found is None else (found["layer"], found["factor"].replace(".default", ""))


class LayerNames:
    """Finds layers of one checkpoint by what files call them.

    :param layers: the paths of the layers of each part (``unet``, ``text_encoder``).
    """

    def __init__(self, layers: Mapping[str, Iterable[str]]) -> None:
        self._dotted = {part: frozenset(paths) for part, paths in layers.items()}
        self._flat = {
            part: {flat: path for path in paths for flat in _flat_names(path)}
            for part, paths in self._dotted.items()
        }

    def find(self, name: str) -> tuple[str, str] | None:
        """(part, path) of a layer; None for one that this checkpoint has not."""
        for prefix, part in KOHYA.items():
            if name.startswith(prefix):
                return self._by_flat(part, name.removeprefix(prefix))
        part, _, path = name.partition(".")
        if part in DOTTED:
            return self._by_path(part, path.removeprefix("base_model.model."))
        return self._by_path("unet", name)

    def _by_flat(self, part: str, flat: str) -> tuple[str, str] | None:
        known = self._flat.get(part, {})
        path = known.get(flat) or known.get(_from_original(flat))
        return None if path is None else (part, path)

    def _by_path(self, part: str, path: str) -> tuple[str, str] | None:
        known = self._dotted.get(part, frozenset())
        for candidate in (path, path.removeprefix("text_model."), f"text_model.{path}"):
            if candidate in known:
                return part, candidate
        return None


def _flat_names(path: str) -> Iterator[str]:
    """Text encoders have their layers under ``text_model`` or not, by the age of the library."""
    flat = path.replace(".", "_")
    yield flat
    yield f"text_model_{flat}"
    yield flat.removeprefix("text_model_")


def _from_original(flat: str) -> str:
    """A path with the original's block names as one with those of diffusers."""
    middle = re.match(r"middle_block_([012])_(.+)", flat)
    if middle is not None:
        index, rest = int(middle[1]), middle[2]
        return (
            f"mid_block_attentions_0_{rest}"
            if index == 1
            else f"mid_block_resnets_{index // 2}_{_resnet(rest)}"
        )
    block = re.match(r"(input|output)_blocks_(\d+)_(\d+)_(.+)", flat)
    if block is None:
        return {"time_embed_0": "time_embedding_linear_1", "time_embed_2": "time_embedding_linear_2",
                "input_blocks_0_0": "conv_in", "out_2": "conv_out"}.get(flat, flat)  # fmt: skip
    number, place, rest = int(block[2]), int(block[3]), block[4]
    return _down(number, place, rest) if block[1] == "input" else _up(number, place, rest)


def _down(number: int, place: int, rest: str) -> str:
    level, index = divmod(number - 1, 3)
    if rest == "op":
        return f"down_blocks_{level}_downsamplers_0_conv"
    return f"down_blocks_{level}_{_inner(place, index, rest)}"


def _up(number: int, place: int, rest: str) -> str:
    level, index = divmod(number, 3)
    if rest == "conv":
        return f"up_blocks_{level}_upsamplers_0_conv"
    return f"up_blocks_{level}_{_inner(place, index, rest)}"


def _inner(place: int, index: int, rest: str) -> str:
    return f"attentions_{index}_{rest}" if place else f"resnets_{index}_{_resnet(rest)}"


def _resnet(rest: str) -> str:
    return _RESNET.get(rest, rest)
