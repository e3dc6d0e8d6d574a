"""Infotexts of older versions: what they left unsaid or said in another way."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.domain.geometry.hires import old_first_pass_size

Parsed = dict[str, object]
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-(\d{1,9})(?:-.*)?)?\Z")
_DIGITS = re.compile(r"\d{1,9}\Z")


def version_of(text: str) -> tuple[int, ...] | None:
    """``v1.10.1-5-gabc`` → ``(1, 10, 1, 5)``: release and commits since; ``None`` if it is no version."""
    match = _VERSION.match(text)
    return tuple(int(number or 0) for number in match.groups()) if match else None


_RULES: tuple[tuple[tuple[int, int, int, int], str, Callable[[Parsed], bool]], ...] = (
    ((1, 6, 0, 0), "Old prompt editing timelines", lambda found: "[" in str(found.get("Prompt", ""))),
    ((1, 6, 0, 0), "Pad conds v0", lambda found: found.get("Sampler") in ("DDIM", "PLMS")),
    ((1, 7, 0, 225), "Downcast alphas_cumprod", lambda found: True),
    ((1, 8, 0, 0), "Refiner switch by sampling steps", lambda found: "Refiner" in found),
)


def apply_backcompat(found: Parsed) -> None:
    """Turns on, for a picture of an older version, what makes it come out as it did then."""
    version = version_of(str(found.get("Version", "")))
    if version is None:
        return
    for before, key, applies in _RULES:
        if version < before and applies(found):
            found[key] = True


def restore_first_pass_size(found: Parsed, old_hires_fix: bool) -> None:
    """Once hires fix wrote the final size as ``Size`` and the first pass apart."""
    if old_hires_fix:
        _restore_final_size(found)
        return
    first = _number(found.get("First pass size-1")), _number(found.get("First pass size-2"))
    if first[0] is None or first[1] is None:
        return
    width, height = _number(found.get("Size-1")) or 512, _number(found.get("Size-2")) or 512
    found["Size-1"], found["Size-2"] = first if all(first) else old_first_pass_size(width, height)
    found["Hires resize-1"], found["Hires resize-2"] = width, height


def _restore_final_size(found: Parsed) -> None:
    final = _number(found.get("Hires resize-1")), _number(found.get("Hires resize-2"))
    if all(final):
        found["Size-1"], found["Size-2"] = final


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if _DIGITS.match(text) else None
