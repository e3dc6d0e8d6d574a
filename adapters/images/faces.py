"""Face restorers of an installation that has none: restoring needs a face detector beside the weights."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.image import RasterImage
from core.ports.driven import RunWatch


class NoFaceRestorers:
    """``FaceRestorers`` where no weights are."""

    def names(self) -> Sequence[str]:
        return ()

    def restore(self, name: str, image: RasterImage, weight: float, watch: RunWatch) -> RasterImage:
        return image
