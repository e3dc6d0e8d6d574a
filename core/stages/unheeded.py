"""What a request asks for that nothing here does: said in a comment, since the pictures do not show it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from core.domain.request import GenerationRequest
from core.drafts import RequestDraft
from core.prompt.extra_networks import strip_extra_networks

MOST_TAGS = 8


def unheeded(request: GenerationRequest, draft: RequestDraft) -> tuple[str, ...]:
    """One sentence for each. ``draft``: the request's, which says what plugins see to."""
    return (*_networks(request, draft.applied_networks), *_styles(request, draft))


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


def _styles(request: GenerationRequest, draft: RequestDraft) -> Iterator[str]:
    """A name that no style has is passed over in silence, as in the reference."""
    names = [name for name in dict.fromkeys(request.styles) if name in draft.styles]
    left = [name for name in names if name not in draft.applied_styles]
    if left:
        told = ", ".join(repr(name[:100]) for name in left[:MOST_TAGS])
        more = f" and {len(left) - MOST_TAGS} more" if len(left) > MOST_TAGS else ""
        yield f"The request names the styles {told}{more}, and nothing here applies them."
