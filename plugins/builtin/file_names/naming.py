"""Patterns to names: ``[date]/[model_name]``, ``[seed]-[prompt_spaces]``."""

from __future__ import annotations

import re

from core.domain.filenames import Sanitizer
from plugins.builtin.file_names.context import NameContext
from plugins.builtin.file_names.tokens import TOKENS, Nothing

_TOKEN = re.compile(r"\[([^\[\]]+)\]")
_INSIDE = re.compile(r"([^<>]*)((?:<[^>]*>)*)")
_ARGUMENT = re.compile(r"<([^>]*)>")
_SEPARATOR = re.compile(r"[/\\]")
_DEFAULT = Sanitizer()


def file_decoration(pattern: str, context: NameContext, sanitizer: Sanitizer = _DEFAULT) -> str:
    """What a file name's pattern says: one path component, perhaps empty, without extension."""
    return sanitizer.component(_render(pattern, context, sanitizer))


def directory_parts(pattern: str, context: NameContext, sanitizer: Sanitizer = _DEFAULT) -> tuple[str, ...]:
    """The folders, outermost first. Only the pattern's own slashes separate; a folder without a name
    is left out, so the path never leads outwards."""
    rendered = _render(pattern, context, Sanitizer(False, sanitizer.max_length))
    parts = (sanitizer.component(part) for part in _SEPARATOR.split(rendered))
    return tuple(part for part in parts if part)


def default_pattern(save_to_dirs: bool) -> str:
    """Stands in for an empty ``samples_filename_pattern``."""
    return "[seed]" if save_to_dirs else "[seed]-[prompt_spaces]"


def _render(pattern: str, context: NameContext, sanitizer: Sanitizer) -> str:
    written: list[str] = []
    at = 0
    for match in _TOKEN.finditer(pattern):
        before, at = pattern[at : match.start()], match.end()
        value = _value(match[1], context, sanitizer)
        if not isinstance(value, Nothing):
            written += [before, match[0] if value is None else value]
    written.append(pattern[at:])
    return "".join(written)


def _value(inside: str, context: NameContext, sanitizer: Sanitizer) -> str | Nothing | None:
    match = _INSIDE.fullmatch(inside)
    token = TOKENS.get(match[1].lower()) if match else None
    if match is None or token is None:
        return None
    return token(context, sanitizer, tuple(_ARGUMENT.findall(match[2])))
