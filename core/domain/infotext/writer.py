"""Writes an infotext."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from core.domain.infotext.infotext import Infotext
from core.domain.infotext.keys import EXACT_NEGATIVE, EXACT_PROMPT, NEGATIVE_PREFIX
from core.domain.infotext.plain import is_plain
from core.domain.infotext.reader import read
from core.domain.infotext.scanner import unquote

Params = Mapping[str, object] | Iterable[tuple[str, object]]


def quote(value: object) -> str:
    """The value's text, as a JSON string if it holds a comma, a colon or a newline."""
    text = str(value)
    return _json(text) if any(mark in text for mark in ",\n:") else text


def write(prompt: str, negative_prompt: str = "", params: Params = ()) -> str:
    """The infotext. A parameter that is ``None`` is left out; one whose value is its key is written
    as the key alone. See the package for what is added when a prompt would not read back."""
    pairs = params.items() if isinstance(params, Mapping) else params
    present = [(key, value) for key, value in pairs if value is not None]
    meant = Infotext(prompt, negative_prompt, tuple((key, str(value)) for key, value in present))
    text = _render(meant, present, quote)
    if is_plain(meant):
        return text
    found = read(text)
    if found == meant:
        return text
    exact: list[tuple[str, object]] = []
    if found.prompt != prompt:
        exact.append((EXACT_PROMPT, prompt))
    if found.negative_prompt != negative_prompt:
        exact.append((EXACT_NEGATIVE, negative_prompt))
    return _render(meant, [*present, *exact], quote if found.params == meant.params else _quote_safely)


def _render(meant: Infotext, params: Iterable[tuple[str, object]], quoted: Callable[[object], str]) -> str:
    negative = f"\n{NEGATIVE_PREFIX} {meant.negative_prompt}" if meant.negative_prompt else ""
    line = ", ".join(_param(key, value, quoted) for key, value in params)
    return f"{meant.prompt}{negative}\n{line}".strip()


def _param(key: str, value: object, quoted: Callable[[object], str]) -> str:
    if key in (EXACT_PROMPT, EXACT_NEGATIVE):
        return f"{key}: {_json(str(value))}"
    return key if key == value else f"{key}: {quoted(value)}"


def _quote_safely(value: object) -> str:
    """Quoted also where the plain text would read as something else."""
    text = quote(value)
    safe = text == text.strip() and unquote(text) == str(value)
    return text if safe else _json(str(value))


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
