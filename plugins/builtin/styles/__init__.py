"""The styles that a request names: their texts, merged into its prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.domain.request import HiresParams
from core.domain.styles import Style
from core.drafts import RequestDraft
from plugins.builtin.styles.merging import apply_negative_styles, apply_styles
from plugins.hookspecs import hookimpl


class StylesPlugin:
    """Merges the texts as the job froze them."""

    @hookimpl(tryfirst=True)
    def serena_prepare(self, draft: RequestDraft) -> None:
        """First, so that other plugins see the whole prompts."""
        request, names = draft.request, draft.request.styles
        draft.applied_styles.update(names)
        draft.change(
            prompt=apply_styles(request.prompt, names, draft.styles),
            negative_prompt=apply_negative_styles(request.negative_prompt, names, draft.styles),
            hires=request.hires and _styled(request.hires, names, draft.styles),
        )


def _styled(hires: HiresParams, names: Sequence[str], styles: Mapping[str, Style]) -> HiresParams:
    """An empty prompt stays empty, which stands for that of the first pass; so does a blank one stay blank,
    which does not."""
    own, negative = hires.prompt, hires.negative_prompt
    return replace(
        hires,
        prompt=own and (apply_styles(own, names, styles) or own),
        negative_prompt=negative and (apply_negative_styles(negative, names, styles) or negative),
    )
