"""The parts of an infotext: the prompt's lines, the negative prompt's lines, the line of parameters."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.infotext.keys import EXACT_NEGATIVE, EXACT_PROMPT, NEGATIVE_PREFIX
from core.domain.infotext.scanner import Param, scan, unquote

_FEWEST = 3
"""A last line with fewer parameters than this belongs to the prompt."""


@dataclass(frozen=True, slots=True)
class Layout:
    """``negative`` begins right behind the words that announce it. ``exact``: what the parameters say
    the prompts really are, by the parameter's name."""

    prompt: str
    negative: str
    line: str
    params: tuple[Param, ...]
    exact: dict[str, str]


def lay_out(text: str) -> Layout:
    lines = text.strip().split("\n")
    params = tuple(scan(lines[-1]))
    exact = {p.key: unquote(p.raw) for p in params if p.key in (EXACT_PROMPT, EXACT_NEGATIVE)}
    line = ""
    if len(params) >= _FEWEST or exact:
        line = lines.pop()
    else:
        params = ()
    switch = next((at for at, one in enumerate(lines) if one.startswith(NEGATIVE_PREFIX)), len(lines))
    negative = "\n".join(lines[switch:]).removeprefix(NEGATIVE_PREFIX)
    return Layout("\n".join(lines[:switch]), negative, line, params, exact)
