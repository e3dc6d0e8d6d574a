"""Flux's weights under the names that diffusers gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from adapters.backends.torch.families.state import State

_Named = Iterator[tuple[str, Tensor]]
_Rule = Callable[[re.Match[str], Tensor], _Named]
_ATTENTION = ("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj")
_LAYERS = {
    "time_in": "time_text_embed.timestep_embedder",
    "vector_in": "time_text_embed.text_embedder",
    "guidance_in": "time_text_embed.guidance_embedder",
}
_PLAIN = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "final_layer.linear": "proj_out",
}
_IN_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}
_IN_SINGLE = {"modulation.lin": "norm.linear", "linear2": "proj_out"}
_NORMS = {("img", "query"): "norm_q", ("img", "key"): "norm_k"} | {
    ("txt", "query"): "norm_added_q",
    ("txt", "key"): "norm_added_k",
}


def flux_names(weights: State) -> dict[str, Tensor]:
    """Names that none of the rules knows stay as they are, and are told as unknown where they are read."""
    found: dict[str, Tensor] = {}
    for name, weight in weights.items():
        found |= dict(_converted(name, weight))
    return found


def _converted(name: str, weight: Tensor) -> _Named:
    for pattern, rule in _RULES:
        match = pattern.fullmatch(name)
        if match is not None:
            yield from rule(match, weight)
            return
    yield name, weight


def _embedder(match: re.Match[str], weight: Tensor) -> _Named:
    number = 1 if match["layer"] == "in_layer" else 2
    yield f"{_LAYERS[match['of']]}.linear_{number}.{match['word']}", weight


def _plain(match: re.Match[str], weight: Tensor) -> _Named:
    yield f"{_PLAIN[match['of']]}.{match['word']}", weight


def _out(match: re.Match[str], weight: Tensor) -> _Named:
    """Its makers shift and scale; diffusers scales and shifts."""
    yield f"norm_out.linear.{match['word']}", torch.cat(weight.chunk(2)[::-1])


def _double(match: re.Match[str], weight: Tensor) -> _Named:
    yield f"transformer_blocks.{match['i']}.{_IN_DOUBLE[match['of']]}.{match['word']}", weight


def _double_attention(match: re.Match[str], weight: Tensor) -> _Named:
    names = _ATTENTION[0 if match["side"] == "img" else 1]
    for name, part in zip(names, weight.chunk(3), strict=True):
        yield f"transformer_blocks.{match['i']}.attn.{name}.{match['word']}", part


def _double_norm(match: re.Match[str], weight: Tensor) -> _Named:
    yield f"transformer_blocks.{match['i']}.attn.{_NORMS[match['side'], match['of']]}.weight", weight


def _single(match: re.Match[str], weight: Tensor) -> _Named:
    yield f"single_transformer_blocks.{match['i']}.{_IN_SINGLE[match['of']]}.{match['word']}", weight


def _single_attention(match: re.Match[str], weight: Tensor) -> _Named:
    """Query, key, value, and a first layer four times as wide, one below the other."""
    block, width = f"single_transformer_blocks.{match['i']}", weight.shape[0] // 7
    *parts, wide = torch.split(weight, [width, width, width, weight.shape[0] - 3 * width])
    for name, part in zip(_ATTENTION[0], parts, strict=True):
        yield f"{block}.attn.{name}.{match['word']}", part
    yield f"{block}.proj_mlp.{match['word']}", wide


def _single_norm(match: re.Match[str], weight: Tensor) -> _Named:
    yield f"single_transformer_blocks.{match['i']}.attn.{_NORMS['img', match['of']]}.weight", weight


def _one_of(names: dict[str, str]) -> str:
    return "(?P<of>" + "|".join(map(re.escape, names)) + ")"


_WORD, _I = r"\.(?P<word>weight|bias)", r"(?P<i>\d+)\."
_SIDE, _NORM = "(?P<side>img|txt)", r"norm\.(?P<of>query|key)_norm\.scale"
_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (rf"{_one_of(_LAYERS)}\.(?P<layer>in_layer|out_layer){_WORD}", _embedder),
        (_one_of(_PLAIN) + _WORD, _plain),
        (rf"final_layer\.adaLN_modulation\.1{_WORD}", _out),
        (rf"double_blocks\.{_I}{_one_of(_IN_DOUBLE)}{_WORD}", _double),
        (rf"double_blocks\.{_I}{_SIDE}_attn\.qkv{_WORD}", _double_attention),
        (rf"double_blocks\.{_I}{_SIDE}_attn\.{_NORM}", _double_norm),
        (rf"single_blocks\.{_I}{_one_of(_IN_SINGLE)}{_WORD}", _single),
        (rf"single_blocks\.{_I}linear1{_WORD}", _single_attention),
        (rf"single_blocks\.{_I}{_NORM}", _single_norm),
    )
)
