"""What a loader gives: the networks of a checkpoint, on the CPU, and what is told beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.backends.torch.families.kinds import FamilyKind
from adapters.backends.torch.importing import IMPORTING
from core.domain.errors import ModelError


@dataclass(frozen=True, slots=True)
class Parts:
    """A checkpoint in pieces.

    :ivar networks: ``unet`` (of a flow model: its transformer), ``vae`` and the text encoders of the family,
        by name.
    :ivar tokenizers: by name. :ivar scheduler: the configuration of its noise schedule, in diffusers' words.
    """

    family: FamilyKind
    networks: Mapping[str, Any]
    tokenizers: Mapping[str, Any]
    scheduler: Mapping[str, Any]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises :class:`ModelError` that names the file by its last two parts."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent.name}/{path.name} is missing") from None
    except ValueError:
        raise ModelError(f"{path.parent.name}/{path.name} is no JSON") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path.parent.name}/{path.name} is no JSON object")
    return value


def network_class(part: str, family: FamilyKind) -> Any:
    """The class of a part."""
    with IMPORTING:
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTextModelWithProjection

    if part in ("unet", "vae"):
        return {"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part]
    pooled = any(kind.pooled and kind.projected for kind in family.encoders if kind.part == part)
    return CLIPTextModelWithProjection if pooled else CLIPTextModel
