"""Lines such as ``--prompt "a cat" --steps 20``."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.options import MODEL_OPTION


@dataclass(frozen=True, slots=True)
class Line:
    """Fields of the request, and options, that a line sets."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def read_lines(text: str) -> list[Line]:
    """One for each line that is not empty. Raises ``InvalidValue``."""
    return [_line(line.strip()) for line in text.splitlines() if line.strip()]


def _line(text: str) -> Line:
    if "--" not in text:
        return Line({"prompt": text})
    try:
        words = deque(shlex.split(text))
    except ValueError as error:
        raise _wrong(text, str(error).lower()) from None
    fields: dict[str, Any] = {}
    options: dict[str, Any] = {}
    while words:
        word = words.popleft()
        name = word.removeprefix("--")
        if name == word or name not in _READERS:
            raise _wrong(text, f"{word!r} is none of {', '.join(f'--{known}' for known in _READERS)}")
        value = _READERS[name](_values(name, words, text), text)
        if name == "sd_model":
            options[MODEL_OPTION] = value
        elif name == "do_not_save_samples":
            fields["save_images"] = not value
        elif name != "do_not_save_grid":  # passes make no grids
            fields[name] = value
    return Line(fields, options)


def _values(name: str, words: deque[str], text: str) -> str:
    """What belongs to an option: prompts go on until the next one, the others take one word."""
    found: list[str] = []
    while words and not words[0].startswith("--"):
        found.append(words.popleft())
    if not found or (len(found) > 1 and name not in _PROMPTS):
        raise _wrong(text, f"--{name} takes one value")
    return " ".join(found)


def _wrong(text: str, problem: str) -> InvalidValue:
    return InvalidValue("a line of prompt_txt", text, problem)


def _text(value: str, line: str) -> str:
    return value


def _whole(value: str, line: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _wrong(line, f"{value!r} is no whole number") from None


def _number(value: str, line: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _wrong(line, f"{value!r} is no number") from None


def _flag(value: str, line: str) -> bool:
    return value.casefold() in ("1", "on", "true", "y", "yes")


def _names(value: str, line: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


_PROMPTS = frozenset(("prompt", "negative_prompt"))
_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "prompt": _text,
    "negative_prompt": _text,
    "sd_model": _text,
    "styles": _names,
    "seed": _whole,
    "subseed": _whole,
    "subseed_strength": _number,
    "seed_resize_from_w": _whole,
    "seed_resize_from_h": _whole,
    "sampler_name": _text,
    "batch_size": _whole,
    "n_iter": _whole,
    "steps": _whole,
    "cfg_scale": _number,
    "width": _whole,
    "height": _whole,
    "restore_faces": _flag,
    "tiling": _flag,
    "do_not_save_samples": _flag,
    "do_not_save_grid": _flag,
}
