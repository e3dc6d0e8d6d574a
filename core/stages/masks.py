"""The masks that options ask to be returned or saved beside the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.image import RasterImage
from core.drafts import ImageDraft
from core.ports.driven import ImageEditor
from core.stages.order import Preparation


@dataclass(frozen=True, slots=True)
class MaskPicture:
    """``suffix`` ends the name of its file."""

    image: RasterImage
    suffix: str
    returned: bool
    saved: bool


def mask_pictures(draft: ImageDraft, prepared: Preparation, editor: ImageEditor) -> list[MaskPicture]:
    """The overlay mask as RGB, and what was painted cut out by it as RGBA, as the options want them."""
    overlay, options = prepared.overlay, prepared.options
    if overlay is None:
        return []
    found = []
    returned, saved = options.flag("return_mask"), options.flag("save_mask")
    if returned or saved:
        found.append(MaskPicture(editor.flatten(overlay.mask, "#000000"), "-mask", returned, saved))
    returned, saved = options.flag("return_mask_composite"), options.flag("save_mask_composite")
    if returned or saved:
        cut = editor.cut_out(draft.painted or draft.image, overlay.mask, overlay.paste_to)
        found.append(MaskPicture(cut, "-mask-composite", returned, saved))
    return found
