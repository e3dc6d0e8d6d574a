"""Named prompt styles: read from CSV, and found again in finished prompts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

PLACE = "{prompt}"
"""Stands in a style's text for the prompt."""


@dataclass(frozen=True, slots=True)
class Style:
    """``None`` texts mark a divider: a headline between the styles of several files."""

    name: str
    prompt: str | None = ""
    negative_prompt: str | None = ""


def parse_csv(text: str) -> list[Style]:
    """The styles of one file: columns ``name,prompt,negative_prompt``, formerly ``name,text``.

    ``text`` is the decoded file; a byte order mark is skipped, and so is a row whose name begins
    with ``#``.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    return [_style(row) for row in rows if row.get("name") and not str(row["name"]).startswith("#")]


def _style(row: Mapping[str | None, str | list[str] | None]) -> Style:
    def cell(*names: str) -> str:
        return next((value for name in names if isinstance(value := row.get(name), str)), "")

    return Style(cell("name"), cell("prompt", "text"), cell("negative_prompt"))


def write_csv(styles: Iterable[Style]) -> str:
    """The inverse of ``parse_csv`` for everything but dividers, which are left out."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["name", "prompt", "negative_prompt"])
    for style in styles:
        if style.prompt is not None:
            writer.writerow([style.name, style.prompt, style.negative_prompt or ""])
    return out.getvalue()


def combine(files: Sequence[tuple[str, Sequence[Style]]]) -> dict[str, Style]:
    """The styles of several files by name, a later one replacing an earlier; with more than one file
    a divider named after the file goes before its styles."""
    combined: dict[str, Style] = {}
    for path, styles in files:
        if len(files) > 1:
            divider = f"{f' {PurePath(path).stem.upper()} ':-^20}"
            combined[divider] = Style(divider, None, None)
        combined.update((style.name, style) for style in styles)
    return combined


@dataclass(frozen=True, slots=True)
class Extracted:
    """What is left of a prompt and its negative once the ``names`` are taken out."""

    names: tuple[str, ...]
    prompt: str
    negative_prompt: str


def extract_styles(prompt: str, negative: str, styles: Iterable[Style]) -> Extracted:
    """Takes out every style whose text and negative text are both there, until none is."""
    candidates = [style for style in styles if style.prompt or style.negative_prompt]
    names: list[str] = []
    while candidates:
        for style in candidates:
            rest = _without(prompt, style.prompt or ""), _without(negative, style.negative_prompt or "")
            if rest[0] is not None and rest[1] is not None:
                prompt, negative = rest[0], rest[1]
                names.append(style.name)
                candidates.remove(style)
                break
        else:
            break
    return Extracted(tuple(reversed(names)), prompt, negative)


def _without(text: str, style: str) -> str | None:
    """The text that the style was merged into, or ``None`` if it was not."""
    style, stripped = style.strip(), text.strip()
    if not style:
        return text
    if PLACE in style:
        before, after = style.split(PLACE, 1)
        fits = len(stripped) >= len(before) + len(after)
        if fits and stripped.startswith(before) and stripped.endswith(after):
            return stripped[len(before) : len(stripped) - len(after)]
        return None
    if stripped == style:
        return ""
    return stripped[: -len(style) - 2] if stripped.endswith(", " + style) else None
