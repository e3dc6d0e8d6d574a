"""What folders and files of flow models must hold. Only names and configurations are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.domain.errors import ModelError
from core.domain.families import CheckpointKind
from core.domain.flow_families import (
    FLOW,
    FLOW_FAMILIES,
    FLOW_PIPELINES,
    FlowFamily,
    TextPart,
    flow_family_of_folder,
)

NETWORK = "transformer"
_GUIDED = "guidance_embeds"
_CLIP = "clip"


def flow_folder(index: dict[str, Any], transformer: dict[str, Any]) -> FlowFamily | None:
    """The family of a diffusers folder; None: it is of no flow family."""
    return flow_family_of_folder(str(index.get("_class_name")), bool(transformer.get(_GUIDED)))


def is_flow(index: dict[str, Any]) -> bool:
    return str(index.get("_class_name")) in FLOW_PIPELINES


def parts_of(family: FlowFamily, index: dict[str, Any]) -> Iterator[str]:
    """What such a folder needs: its networks, and the tokenizers of its text encoders."""
    yield from (NETWORK, "vae")
    for text in family.texts:
        if text.needed or _named(index, text.part):
            yield from (text.part, text.tokenizer)


def flow_kind(family: FlowFamily) -> CheckpointKind:
    return CheckpointKind(family.name, family.channels, FLOW)


def check_tokenizers(path: Path, kind: CheckpointKind) -> None:
    """Raises ``ModelError``: a single file lacks the tokenizer of an encoder that reads long texts, which no
    package brings along."""
    family = FLOW_FAMILIES.get(kind.family)
    if family is None:
        return
    for text in family.texts:
        if text.needed and not _is_clip(text) and not _has_tokenizer(path, text):
            raise ModelError(
                f"{path} is a {family.title} model, whose {text.part} needs a tokenizer: put tokenizer.json "
                f"and tokenizer_config.json of a diffusers folder of it into {path.stem}/{text.tokenizer} "
                "beside it"
            )


def _is_clip(text: TextPart) -> bool:
    return all(_CLIP in prefix for prefix in text.prefixes)


def _has_tokenizer(path: Path, text: TextPart) -> bool:
    places = path.with_suffix("") / text.tokenizer, path.parent / text.tokenizer
    return any((place / name).is_file() for place in places for name in ("tokenizer.json", "merges.txt"))


def _named(index: dict[str, Any], name: str) -> bool:
    entry = index.get(name)
    return isinstance(entry, list) and any(part is not None for part in entry)
