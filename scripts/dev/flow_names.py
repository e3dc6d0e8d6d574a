"""From the names that diffusers gives the weights of a transformer to those of its makers.

Of each row, the weights on the right are one weight on the left, one below the other. ``{i}`` counts blocks,
and ``{w}`` is ``weight`` or ``bias``. A ``~`` before the name on the left: its two halves change places.
"""

from __future__ import annotations

import torch
from torch import Tensor

Table = tuple[tuple[str, tuple[str, ...]], ...]
_MOST_BLOCKS = 4
_WORDS = ("weight", "bias")


def _attention(original: str, own: str, names: tuple[str, str, str]) -> tuple[str, tuple[str, ...]]:
    return f"{original}.{{w}}", tuple(f"{own}.{name}.{{w}}" for name in names)


def _both(original: str, own: str) -> tuple[str, tuple[str, ...]]:
    return f"{original}.{{w}}", (f"{own}.{{w}}",)


_SAMPLE, _CONTEXT = ("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj")
_X, _C, _BLOCK = "joint_blocks.{i}.x_block", "joint_blocks.{i}.context_block", "transformer_blocks.{i}"
SD3: Table = (
    ("pos_embed", ("pos_embed.pos_embed",)),
    _both("x_embedder.proj", "pos_embed.proj"),
    _both("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
    _both("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2"),
    _both("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1"),
    _both("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2"),
    _both("context_embedder", "context_embedder"),
    _attention(f"{_X}.attn.qkv", f"{_BLOCK}.attn", _SAMPLE),
    _attention(f"{_C}.attn.qkv", f"{_BLOCK}.attn", _CONTEXT),
    (f"{_X}.attn.ln_q.weight", (f"{_BLOCK}.attn.norm_q.weight",)),
    (f"{_X}.attn.ln_k.weight", (f"{_BLOCK}.attn.norm_k.weight",)),
    (f"{_C}.attn.ln_q.weight", (f"{_BLOCK}.attn.norm_added_q.weight",)),
    (f"{_C}.attn.ln_k.weight", (f"{_BLOCK}.attn.norm_added_k.weight",)),
    _both(f"{_X}.attn.proj", f"{_BLOCK}.attn.to_out.0"),
    _both(f"{_C}.attn.proj", f"{_BLOCK}.attn.to_add_out"),
    _attention(f"{_X}.attn2.qkv", f"{_BLOCK}.attn2", _SAMPLE),
    (f"{_X}.attn2.ln_q.weight", (f"{_BLOCK}.attn2.norm_q.weight",)),
    (f"{_X}.attn2.ln_k.weight", (f"{_BLOCK}.attn2.norm_k.weight",)),
    _both(f"{_X}.attn2.proj", f"{_BLOCK}.attn2.to_out.0"),
    _both(f"{_X}.adaLN_modulation.1", f"{_BLOCK}.norm1.linear"),
    _both(f"{_X}.mlp.fc1", f"{_BLOCK}.ff.net.0.proj"),
    _both(f"{_X}.mlp.fc2", f"{_BLOCK}.ff.net.2"),
    _both(f"{_C}.mlp.fc1", f"{_BLOCK}.ff_context.net.0.proj"),
    _both(f"{_C}.mlp.fc2", f"{_BLOCK}.ff_context.net.2"),
    # The context of the last block has no way on: it is shifted and scaled in the other order.
    _both("~joint_blocks.1.context_block.adaLN_modulation.1", "transformer_blocks.1.norm1_context.linear"),
    _both(f"{_C}.adaLN_modulation.1", f"{_BLOCK}.norm1_context.linear"),
    _both("final_layer.linear", "proj_out"),
    _both("~final_layer.adaLN_modulation.1", "norm_out.linear"),
)
_D, _S, _SINGLE = "double_blocks.{i}", "single_blocks.{i}", "single_transformer_blocks.{i}"
FLUX: Table = (
    *(
        _both(f"{original}.{layer}", f"time_text_embed.{own}.{linear}")
        for original, own in (
            ("time_in", "timestep_embedder"),
            ("vector_in", "text_embedder"),
            ("guidance_in", "guidance_embedder"),
        )
        for layer, linear in (("in_layer", "linear_1"), ("out_layer", "linear_2"))
    ),
    _both("img_in", "x_embedder"),
    _both("txt_in", "context_embedder"),
    _both(f"{_D}.img_mod.lin", f"{_BLOCK}.norm1.linear"),
    _both(f"{_D}.txt_mod.lin", f"{_BLOCK}.norm1_context.linear"),
    _attention(f"{_D}.img_attn.qkv", f"{_BLOCK}.attn", _SAMPLE),
    _attention(f"{_D}.txt_attn.qkv", f"{_BLOCK}.attn", _CONTEXT),
    (f"{_D}.img_attn.norm.query_norm.scale", (f"{_BLOCK}.attn.norm_q.weight",)),
    (f"{_D}.img_attn.norm.key_norm.scale", (f"{_BLOCK}.attn.norm_k.weight",)),
    (f"{_D}.txt_attn.norm.query_norm.scale", (f"{_BLOCK}.attn.norm_added_q.weight",)),
    (f"{_D}.txt_attn.norm.key_norm.scale", (f"{_BLOCK}.attn.norm_added_k.weight",)),
    _both(f"{_D}.img_attn.proj", f"{_BLOCK}.attn.to_out.0"),
    _both(f"{_D}.txt_attn.proj", f"{_BLOCK}.attn.to_add_out"),
    _both(f"{_D}.img_mlp.0", f"{_BLOCK}.ff.net.0.proj"),
    _both(f"{_D}.img_mlp.2", f"{_BLOCK}.ff.net.2"),
    _both(f"{_D}.txt_mlp.0", f"{_BLOCK}.ff_context.net.0.proj"),
    _both(f"{_D}.txt_mlp.2", f"{_BLOCK}.ff_context.net.2"),
    _both(f"{_S}.modulation.lin", f"{_SINGLE}.norm.linear"),
    (
        f"{_S}.linear1.{{w}}",
        (*(f"{_SINGLE}.attn.{name}.{{w}}" for name in _SAMPLE), f"{_SINGLE}.proj_mlp.{{w}}"),
    ),
    (f"{_S}.norm.query_norm.scale", (f"{_SINGLE}.attn.norm_q.weight",)),
    (f"{_S}.norm.key_norm.scale", (f"{_SINGLE}.attn.norm_k.weight",)),
    _both(f"{_S}.linear2", f"{_SINGLE}.proj_out"),
    _both("final_layer.linear", "proj_out"),
    _both("~final_layer.adaLN_modulation.1", "norm_out.linear"),
)
FLUX2: Table = (
    _both("time_in.in_layer", "time_guidance_embed.timestep_embedder.linear_1"),
    _both("time_in.out_layer", "time_guidance_embed.timestep_embedder.linear_2"),
    _both("img_in", "x_embedder"),
    _both("txt_in", "context_embedder"),
    *(
        _both(f"{name}.lin", f"{name}.linear")
        for name in (
            "double_stream_modulation_img",
            "double_stream_modulation_txt",
            "single_stream_modulation",
        )
    ),
    _attention(f"{_D}.img_attn.qkv", f"{_BLOCK}.attn", _SAMPLE),
    _attention(f"{_D}.txt_attn.qkv", f"{_BLOCK}.attn", _CONTEXT),
    *(row for row in FLUX if "query_norm" in row[0] or "key_norm" in row[0]),
    _both(f"{_D}.img_attn.proj", f"{_BLOCK}.attn.to_out.0"),
    _both(f"{_D}.txt_attn.proj", f"{_BLOCK}.attn.to_add_out"),
    *(
        _both(f"{_D}.{side}_mlp.{number}", f"{_BLOCK}.{own}.{layer}")
        for side, own in (("img", "ff"), ("txt", "ff_context"))
        for number, layer in ((0, "linear_in"), (2, "linear_out"))
    ),
    _both(f"{_S}.linear1", f"{_SINGLE}.attn.to_qkv_mlp_proj"),
    _both(f"{_S}.linear2", f"{_SINGLE}.attn.to_out"),
    _both("final_layer.linear", "proj_out"),
    _both("~final_layer.adaLN_modulation.1", "norm_out.linear"),
)
_PARTS = ("noise_refiner", "context_refiner", "layers")
Z_IMAGE: Table = (
    *(
        row
        for part in _PARTS
        for row in (
            _attention(f"{part}.{{i}}.attention.qkv", f"{part}.{{i}}.attention", _SAMPLE),
            (f"{part}.{{i}}.attention.out.weight", (f"{part}.{{i}}.attention.to_out.0.weight",)),
            (f"{part}.{{i}}.attention.q_norm.weight", (f"{part}.{{i}}.attention.norm_q.weight",)),
            (f"{part}.{{i}}.attention.k_norm.weight", (f"{part}.{{i}}.attention.norm_k.weight",)),
        )
    ),
    _both("x_embedder", "all_x_embedder.2-1"),
    _both("final_layer.linear", "all_final_layer.2-1.linear"),
    _both("final_layer.adaLN_modulation.1", "all_final_layer.2-1.adaLN_modulation.1"),
)


def original(state: dict[str, Tensor], table: Table, prefix: str) -> dict[str, Tensor]:
    """The same weights under the names of the makers; a weight that no row names keeps its own."""
    left, found = dict(state), {}
    for name, own in table:
        for i in range(_MOST_BLOCKS):
            for word in _WORDS:
                parts = [one.format(i=i, w=word) for one in own]
                if all(part in left for part in parts):
                    joined = (
                        torch.cat([left.pop(part) for part in parts])
                        if len(parts) > 1
                        else left.pop(parts[0])
                    )
                    found[name.removeprefix("~").format(i=i, w=word)] = (
                        torch.cat(joined.chunk(2)[::-1]) if name.startswith("~") else joined
                    )
    return {prefix + name: x for name, x in (left | found).items()}
