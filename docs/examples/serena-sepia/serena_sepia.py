# serena_sepia.py
"""Pictures whose prompt says sepia come out as old photographs."""

from PIL import Image, ImageOps

from serena import ImageDraft, RasterImage, hookimpl

WORD = "sepia"
DARK, LIGHT = "#2b1a0f", "#f4e4c8"


@hookimpl
def serena_image(draft: ImageDraft) -> None:
    if WORD in draft.prompt:
        draft.image = toned(draft.image)
        draft.infotext_params["Toned"] = WORD


def toned(image: RasterImage) -> RasterImage:
    """In shades of brown."""
    grey = Image.frombytes(image.mode, image.size, image.pixels).convert("L")
    brown = ImageOps.colorize(grey, DARK, LIGHT)
    return RasterImage(image.width, image.height, "RGB", brown.tobytes())
