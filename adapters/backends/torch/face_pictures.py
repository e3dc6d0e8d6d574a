"""Faces cut out of a picture upright, and put back with a soft edge. Needs Pillow alone."""

from __future__ import annotations

from math import floor

from PIL import Image, ImageFilter

from core.domain.faces import FACE_SIZE, Similarity, moving, scaling
from core.domain.geometry import Box, Size

SQUARE = Box(0, 0, FACE_SIZE, FACE_SIZE)
BEYOND = (135, 133, 132)
"""What a restorer sees where a face reaches beyond the picture: a middle grey."""
INSET = 56
SOFTNESS = 16
MARGIN = 4


def cut_out(picture: Image.Image, place: Similarity) -> Image.Image:
    """The square that ``place`` brings a face of an RGB picture to."""
    return _warped(picture, place, SQUARE, BEYOND)


def put_back(picture: Image.Image, face: Image.Image, place: Similarity) -> None:
    """Lay ``face`` over the part of ``picture`` that it was cut out of. Its edge fades out."""
    back = place.inverse()
    region = back.bounds(SQUARE, Size(*picture.size))
    if region.width and region.height:
        share = _warped(soft_mask(), back, region, 0)
        picture.paste(_warped(face, back, region, BEYOND), (region.x1, region.y1), share)


def soft_mask() -> Image.Image:
    """White where the face shows, black along the edge of the square."""
    mask = Image.new("L", (FACE_SIZE, FACE_SIZE), 0)
    mask.paste(255, (INSET, INSET, FACE_SIZE - INSET, FACE_SIZE - INSET))
    return mask.filter(ImageFilter.GaussianBlur(SOFTNESS))


def _warped(
    picture: Image.Image, place: Similarity, region: Box, beyond: int | tuple[int, int, int]
) -> Image.Image:
    """``region`` of the plane that ``place`` brings ``picture`` to. What shrinks is averaged, not sampled."""
    margin = MARGIN + floor(1 / place.scale)
    needed = place.inverse().bounds(region, Size(*picture.size), margin)
    if not (needed.width and needed.height):
        return Image.new(picture.mode, (region.width, region.height), beyond)
    part, place = picture.crop(needed), place.after(moving(needed.x1, needed.y1))
    if place.scale < 1:
        width, height = (max(1, floor(side * place.scale)) for side in part.size)
        box = (0, 0, min(part.width, width / place.scale), min(part.height, height / place.scale))
        part, place = (
            part.resize((width, height), Image.Resampling.LANCZOS, box),
            place.after(scaling(1 / place.scale)),
        )
    from_region = place.inverse().after(moving(region.x1, region.y1))
    return part.transform(
        (region.width, region.height),
        Image.Transform.AFFINE,
        from_region.coefficients(),
        Image.Resampling.BICUBIC,
        fillcolor=beyond,
    )
