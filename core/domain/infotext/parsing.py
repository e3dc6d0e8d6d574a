"""Understands an infotext as the reference's own parser does: what ``png-info`` answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.domain.infotext.compat import apply_backcompat, restore_first_pass_size
from core.domain.infotext.keys import EXACT_NEGATIVE, EXACT_PROMPT
from core.domain.infotext.layout import Layout, lay_out
from core.domain.infotext.scanner import unquote
from core.domain.styles import Style, extract_styles
from core.domain.unchosen import SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULER
from core.prompt.attention import uses_emphasis

_SIZE = re.compile(r"(\d+)x(\d+)\Z")
_HIRES_PROMPTS = ("Hires prompt", "Hires negative prompt")

Parsed = dict[str, object]


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """The options that say how an infotext is understood, and the styles to look for.

    ``styles_mode``: option ``infotext_styles`` ("Ignore", "Apply", "Apply if any", "Discard");
    ``backcompat``: ``auto_backcompat``; ``skip``: ``infotext_skip_pasting``;
    ``old_hires_fix``: ``use_old_hires_fix_width_height``.
    """

    styles: Sequence[Style] = ()
    styles_mode: str = "Apply if any"
    backcompat: bool = True
    skip: Collection[str] = ()
    old_hires_fix: bool = False


_DEFAULT = ParseOptions()


def parse(text: str, options: ParseOptions = _DEFAULT) -> Parsed:
    """Parameters in the order written, then the prompts, then what is filled in. Values are text but
    for what is filled in. A size ``512x768`` under ``Key`` becomes ``Key-1`` and ``Key-2``."""
    layout = lay_out(text)
    found = _params(layout)
    prompt = layout.exact.get(EXACT_PROMPT, layout.prompt)
    negative = layout.exact.get(EXACT_NEGATIVE, _first_line_stripped(layout.negative))
    if any(key in found for key in _HIRES_PROMPTS):
        for key in _HIRES_PROMPTS:
            found.setdefault(key, "")
    if options.styles_mode != "Ignore":
        prompt, negative = _take_out_styles(found, prompt, negative, options)
    found["Prompt"] = prompt
    found["Negative prompt"] = negative
    _fill_in(found, options)
    if options.backcompat:
        apply_backcompat(found)
    for key in options.skip:
        found.pop(key, None)
    return found


def _params(layout: Layout) -> Parsed:
    found: Parsed = {}
    for param in layout.params:
        if param.key in layout.exact:
            continue
        value = unquote(param.raw)
        if size := _SIZE.match(value):
            found[f"{param.key}-1"], found[f"{param.key}-2"] = size.groups()
        else:
            found[param.key] = value
    return found


def _first_line_stripped(negative: str) -> str:
    first, newline, rest = negative.partition("\n")
    return first.strip() + newline + rest


def _take_out_styles(found: Parsed, prompt: str, negative: str, options: ParseOptions) -> tuple[str, str]:
    base = extract_styles(prompt, negative, options.styles)
    if _HIRES_PROMPTS[0] in found:
        texts = str(found[_HIRES_PROMPTS[0]]) or prompt, str(found[_HIRES_PROMPTS[1]]) or negative
        hires = extract_styles(*texts, options.styles)
        if hires.names != base.names:
            return prompt, negative
        for key, left, plain in zip(
            _HIRES_PROMPTS,
            (hires.prompt, hires.negative_prompt),
            (base.prompt, base.negative_prompt),
            strict=True,
        ):
            found[key] = "" if left == plain else left
    if options.styles_mode == "Apply" or (options.styles_mode == "Apply if any" and base.names):
        found["Styles array"] = list(base.names)
    return base.prompt, base.negative_prompt


_BEFORE_SIZES: tuple[tuple[str, object], ...] = (("Clip skip", "1"),)
_SIZES: tuple[tuple[str, object], ...] = (("Hires resize-1", 0), ("Hires resize-2", 0))
_AFTER_SIZES: tuple[tuple[str, object], ...] = (
    ("Hires sampler", SAME_SAMPLER),
    ("Hires schedule type", SAME_SCHEDULER),
    ("Hires checkpoint", SAME_CHECKPOINT),
    ("Hires prompt", ""),
    ("Hires negative prompt", ""),
    ("Mask mode", "Inpaint masked"),
    ("Masked content", "original"),
    ("Inpaint area", "Whole picture"),
    ("Masked area padding", 32),
    ("RNG", "GPU"),
    ("Schedule type", "Automatic"),
    ("Schedule max sigma", 0),
    ("Schedule min sigma", 0),
    ("Schedule rho", 0),
    ("VAE Encoder", "Full"),
    ("VAE Decoder", "Full"),
    ("FP8 weight", "Disable"),
)


def _fill_in(found: Parsed, options: ParseOptions) -> None:
    _set_defaults(found, _BEFORE_SIZES)
    if hypernet := found.get("Hypernet"):
        strength = found.get("Hypernet strength", "1.0")
        found["Prompt"] = f"{found['Prompt']}<hypernet:{hypernet}:{strength}>"
    _set_defaults(found, _SIZES)
    restore_first_pass_size(found, options.old_hires_fix)
    _set_defaults(found, _AFTER_SIZES)
    if any(uses_emphasis(str(found[key])) for key in ("Prompt", "Negative prompt")):
        found.setdefault("Emphasis", "Original")
    found.setdefault("Refiner switch by sampling steps", False)


def _set_defaults(found: Parsed, defaults: tuple[tuple[str, object], ...]) -> None:
    for key, value in defaults:
        found.setdefault(key, value)
