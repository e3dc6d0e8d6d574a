"""A flow model in the layout of diffusers."""

from __future__ import annotations

from pathlib import Path

import torch

from adapters.backends.torch.families.flow_parts import (
    check_inputs,
    flow_format,
    read_config,
    read_long_encoder,
    read_vae_folder,
    transformer_class,
)
from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.families.parts import Parts, network_class, read_json
from adapters.backends.torch.families.reading import read_network
from adapters.backends.torch.families.tokenizers import read_long_tokenizer, read_tokenizer
from core.domain.flow_families import FlowFamily, flow_family_of_folder

GUIDED = "guidance_embeds"


def flow_family_in(folder: Path, pipeline: str) -> FlowFamily | None:
    """The family of a folder; None: it is of no flow family."""
    return flow_family_of_folder(pipeline, bool(read_config(folder / "transformer").get(GUIDED)))


def read_flow_folder(folder: Path, family: FlowFamily, dtype: torch.dtype) -> Parts:
    """Nothing is fetched, no pickle is opened. Raises ``ModelError``, or whatever the libraries raise."""
    own, dtype = FAMILIES[family.name], flow_format(dtype)
    kind = own.flow
    assert kind is not None
    transformer = read_network(folder / "transformer", transformer_class(kind), dtype)
    check_inputs(transformer, family.in_channels, f"{folder.name}/transformer")
    networks = {"unet": transformer, "vae": read_vae_folder(folder / "vae", kind, dtype)}
    tokenizers = {one.tokenizer: read_tokenizer(folder / one.tokenizer) for one in own.encoders}
    for one in own.encoders:
        networks[one.part] = read_network(folder / one.part, network_class(one.part, own), dtype)
    long = kind.long
    if family.has(long.part, [path.name for path in folder.iterdir()]):
        networks[long.part] = read_long_encoder(folder / long.part, long.kind, dtype)
        tokenizers[long.tokenizer] = read_long_tokenizer(folder / long.tokenizer)
    return Parts(own, networks, tokenizers, read_json(folder / "scheduler" / "scheduler_config.json"))
