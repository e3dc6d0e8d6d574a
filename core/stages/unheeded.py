"""What a request asks for that nothing here does: said in a comment, since the pictures do not show it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from core.domain.request import GenerationRequest
from core.prompt.extra_networks import strip_extra_networks

MOST_TAGS = 8


def unheeded(request: GenerationRequest, applied: Collection[str] = ()) -> tuple[str, ...]:
    """One sentence for each. ``applied``: kinds of extra networks that plugins see to."""
    return tuple(_networks(request, applied))


def _networks(request: GenerationRequest, applied: Collection[str]) -> Iterator[str]:
    if request.disable_extra_networks:
        return
    prompts = (request.prompt, request.hires.prompt if request.hires else "")
    found = (tag for prompt in prompts for tag in strip_extra_networks(prompt)[1])
    tags = {(tag.kind, tag.name): None for tag in found if tag.kind not in applied}
    for kind, name in list(tags)[:MOST_TAGS]:
        yield f"The prompt names the {kind[:40]} {name[:100]!r}, and nothing here applies it."
    if len(tags) > MOST_TAGS:
        yield f"The prompt names {len(tags) - MOST_TAGS} more extra networks, which nothing here applies."
