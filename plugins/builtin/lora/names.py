"""Which LoRA a tag means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.domain.resources import LoraRef

NO_ALIAS = frozenset(("none", "addams"))
"""Names that trainers leave in files by accident; they find a LoRA by its file only."""


def find_lora(name: str, known: Sequence[LoraRef]) -> LoraRef | None:
    """By the file's name, else by the name that the file gives itself, unless several give it."""
    by_file = next((lora for lora in known if lora.name == name), None)
    if by_file is not None or name.casefold() in NO_ALIAS:
        return by_file
    aliases = Counter(lora.alias for lora in known)
    return next((lora for lora in known if lora.alias == name and aliases[name] == 1), None)
