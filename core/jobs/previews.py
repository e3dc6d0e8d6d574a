"""Whether pictures are shown while they are drawn, and in which format."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from core.domain.image import ImageFormat
from core.domain.options import OptionValues


def preview_format(options: Callable[[], OptionValues]) -> Callable[[], ImageFormat | None]:
    """Looks the format up at each call; None: the options want no preview of steps."""

    def look() -> ImageFormat | None:
        values = options()
        if not values.flag("live_previews_enable") or values.number("show_progress_every_n_steps") < 0:
            return None
        return cast(ImageFormat, values.text("live_previews_image_format"))

    return look
