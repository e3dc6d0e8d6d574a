"""The masks that options ask to be returned beside the pictures."""

from __future__ import annotations

from core.domain.image import RasterImage
from core.drafts import ImageDraft
from core.ports.driven import ImageEditor
from core.stages.order import Preparation


def mask_pictures(draft: ImageDraft, prepared: Preparation, editor: ImageEditor) -> list[RasterImage]:
    """The overlay mask as RGB, and what was painted cut out by it as RGBA, as the options want them."""
    overlay, options = prepared.overlay, prepared.options
    if overlay is None:
        return []
    found = []
    if options.flag("return_mask"):
        found.append(editor.flatten(overlay.mask, "#000000"))
    if options.flag("return_mask_composite"):
        painted = draft.painted or draft.image
        found.append(editor.cut_out(painted, overlay.mask, overlay.paste_to))
    return found
