"""The order of the parameters."""

from __future__ import annotations

from collections.abc import Mapping

FIXED_ORDER = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "FP8 weight",
    "Cache FP16 weight for LoRA",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Token merging ratio hr",
    "Init image hash",
    "RNG",
    "Tiling",
)
LAST = ("Version", "User")
NETWORK_HASHES = ("Lora hashes", "TI hashes")
"""Keys that are written before ``Emphasis`` and what follows it."""

EXACT_PROMPT = "Exact prompt"
EXACT_NEGATIVE = "Exact negative prompt"
NEGATIVE_PREFIX = "Negative prompt:"


def in_order(fixed: Mapping[str, object], extra: Mapping[str, object]) -> list[tuple[str, object]]:
    """All parameters as they are written: the fixed ones, then ``extra`` in insertion order, then the
    last. A key of both keeps the fixed one's place and has the extra's value."""
    values = {**fixed, **extra}
    first = [key for key in FIXED_ORDER if key in fixed]
    last = [key for key in LAST if key in values]
    between = [key for key in values if key not in {*first, *last}]
    return [(key, values[key]) for key in (*first, *between, *last)]
