"""What is done to a picture between sampling and its hooks, and what is kept of it from before."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.drafts import ImageDraft
from core.ports.driven import FaceRestorers
from core.prepared import Enlarge
from core.stages.order import Preparation
from core.stages.quiet import QuietWatch

BEFORE_HIRES = "-before-highres-fix"
BEFORE_FACES = "-before-face-restoration"
BEFORE_COLORS = "-before-color-correction"
"""How the files of earlier pictures end."""


def wants_first_pass(request: GenerationRequest, options: OptionValues) -> bool:
    """Whether the pictures of the first pass are to be saved."""
    return request.save_images and options.flag("save_images_before_highres_fix")


def face_mending(
    faces: FaceRestorers | None, request: GenerationRequest, options: OptionValues
) -> tuple[Enlarge | None, tuple[str, ...]]:
    """What mends the faces of this request's pictures, and what its comments say if nothing can."""
    if faces is None or not request.restore_faces:
        return None, ()
    name, weight = options.text("face_restoration_model"), options.number("code_former_weight")
    if name not in faces.names():
        return None, (f"{name} has no weights here, so faces stayed as they were.",)

    def mend(image: RasterImage, check: Callable[[], None]) -> RasterImage:
        return faces.restore(name, image, weight, QuietWatch(check))

    return mend, ()


def mend_faces(draft: ImageDraft, prepared: Preparation, check: Callable[[], None]) -> None:
    """Mend the faces of a picture, if it is wanted; one that was interrupted stays as it is."""
    if prepared.mend is None:
        return
    before = draft.image
    try:
        draft.image = prepared.mend(before, check)
    except Interrupted:
        return
    if prepared.options.flag("save_images_before_face_restoration"):
        draft.earlier[BEFORE_FACES] = before
