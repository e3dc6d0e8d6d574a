"""Reads back exactly what the writer wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.domain.infotext.infotext import Infotext
from core.domain.infotext.keys import EXACT_NEGATIVE, EXACT_PROMPT
from core.domain.infotext.layout import Layout, lay_out
from core.domain.infotext.scanner import unquote

_BARE = re.compile(r"\w[\w \-/]+")


def read(text: str) -> Infotext:
    """The inverse of ``write``. White space within the prompts is kept, nothing is filled in."""
    layout = lay_out(text)
    return Infotext(
        layout.exact.get(EXACT_PROMPT, layout.prompt),
        layout.exact.get(EXACT_NEGATIVE, layout.negative.removeprefix(" ")),
        tuple(pair for pair in _pairs(layout) if pair[0] not in layout.exact),
    )


def _pairs(layout: Layout) -> Iterator[tuple[str, str]]:
    at = 0
    for param in layout.params:
        yield from _bare(layout.line[at : param.start])
        yield param.key, unquote(param.raw)
        at = param.end
    yield from _bare(layout.line[at:])


def _bare(between: str) -> Iterator[tuple[str, str]]:
    """A key without a colon: its value is its own name."""
    for piece in between.split(","):
        if _BARE.fullmatch(key := piece.strip()):
            yield key, key
