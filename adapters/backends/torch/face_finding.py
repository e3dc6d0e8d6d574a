"""Where the faces of a picture are, told by OpenCV. Importing this module imports it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import Image

from core.domain.errors import ModelError
from core.domain.faces import Point, eyes_in, usual_eyes
from core.domain.geometry import Box

Landmarks: TypeAlias = Sequence[Point]

LARGEST = 1280
"""A longer side is brought to this before anything is looked for."""
LIKELY = 0.7
"""How sure YuNet must be of a face."""
SMALLEST = 32
EYES_SEEN = 240
"""Pixels along a side of a face when its eyes are looked for: the cascade sees none that are tiny."""
FACE, OTHER_FACE = "haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml"
EYES = "haarcascade_eye_tree_eyeglasses.xml"


class YuNetFaces:
    """A YuNet network from an ONNX file: faces of every pose, with five landmarks each.

    Raises ``ModelError`` for a file that is no such network.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._network: Any = cv2.FaceDetectorYN.create(str(path), "", (320, 320), LIKELY)
        except cv2.error as error:
            raise ModelError(f"{path.name} is no YuNet face detector in ONNX ({error.err})") from None

    def __call__(self, picture: Image.Image) -> Sequence[Landmarks]:
        """The landmarks of each face of an RGB picture, the largest face first."""
        smaller, factor = _small(picture)
        with self._lock:
            self._network.setInputSize(smaller.size)
            _, rows = self._network.detect(np.asarray(smaller)[:, :, ::-1].copy())
        return landmarks_of([] if rows is None else rows.tolist(), factor)


class HaarFaces:
    """The cascades that come with OpenCV: upright faces that look at the camera.

    A face too small for its eyes to be seen counts if a second cascade finds it too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faces = cv2.CascadeClassifier(cv2.data.haarcascades + FACE)
        self._others = cv2.CascadeClassifier(cv2.data.haarcascades + OTHER_FACE)
        self._eyes = cv2.CascadeClassifier(cv2.data.haarcascades + EYES)

    def __call__(self, picture: Image.Image) -> Sequence[Landmarks]:
        """As :class:`YuNetFaces`, but the eyes alone."""
        smaller, factor = _small(picture)
        grey = cv2.equalizeHist(np.asarray(smaller.convert("L")))
        with self._lock:
            boxes = _boxes(self._faces.detectMultiScale(grey, 1.1, 5, minSize=(SMALLEST, SMALLEST)))
            found = [self._eyes_of(grey, box) for box in sorted(boxes, key=_area, reverse=True)]
        return [[_scaled(eye, factor) for eye in eyes] for eyes in found if eyes is not None]

    def _eyes_of(self, grey: Any, box: Box) -> tuple[Point, Point] | None:
        seen = eyes_in(box, self._eyes_seen(grey, box))
        return usual_eyes(box) if seen is None and self._is_sure(grey, box) else seen

    def _is_sure(self, grey: Any, box: Box) -> bool:
        margin, least = box.width // 4, box.width // 2
        top, left = max(0, box.y1 - margin), max(0, box.x1 - margin)
        part = np.ascontiguousarray(grey[top : box.y2 + margin, left : box.x2 + margin])
        return len(self._others.detectMultiScale(part, 1.1, 3, minSize=(least, least))) > 0

    def _eyes_seen(self, grey: Any, box: Box) -> list[Box]:
        part = cv2.resize(grey[box.y1 : box.y2, box.x1 : box.x2], (EYES_SEEN, EYES_SEEN))
        smallest = EYES_SEEN // 10
        eyes = self._eyes.detectMultiScale(part, 1.05, 3, minSize=(smallest, smallest))
        share = box.width / EYES_SEEN
        scaled = _boxes([[side * share for side in eye] for eye in eyes])
        return [Box(eye.x1 + box.x1, eye.y1 + box.y1, eye.x2 + box.x1, eye.y2 + box.y1) for eye in scaled]


def landmarks_of(rows: Sequence[Sequence[float]], factor: float) -> list[Landmarks]:
    """What YuNet answers: box, then both eyes, nose and corners of the mouth, then how sure it is."""
    largest_first = sorted(rows, key=lambda row: row[2] * row[3], reverse=True)
    return [[_scaled((row[at], row[at + 1]), factor) for at in range(4, 14, 2)] for row in largest_first]


def _small(picture: Image.Image) -> tuple[Image.Image, float]:
    """The picture with no side longer than :data:`LARGEST`, and the factor back."""
    factor = max(1.0, max(picture.size) / LARGEST)
    width, height = (max(1, round(side / factor)) for side in picture.size)
    return (picture if factor == 1.0 else picture.resize((width, height), Image.Resampling.BOX)), factor


def _scaled(point: Point, factor: float) -> Point:
    return point[0] * factor, point[1] * factor


def _boxes(found: Any) -> list[Box]:
    return [Box(int(x), int(y), int(x + width), int(y + height)) for x, y, width, height in found]


def _area(box: Box) -> int:
    return box.width * box.height
